"""Operators: one file each, meaning only."""

from __future__ import annotations

from tinycc_ml.ops import conv2d
from tinycc_ml.ops.access import Access, Elementwise, Pattern, Whole, Window, lowest_read
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import (
    BoundNode,
    IntegerGraph,
    Integers,
    Layer,
    Numbers,
    OpDef,
    Workload,
    buffers_of,
)
from tinycc_ml.ops.integer_graph import bind, integerize
from tinycc_ml.ops.registry import all_ops, op, register
from tinycc_ml.ops.window import Padding, same_padding, window_output

__all__ = [
    "Access",
    "Activation",
    "BoundNode",
    "Elementwise",
    "IntegerGraph",
    "Integers",
    "Layer",
    "Numbers",
    "OpDef",
    "Padding",
    "Pattern",
    "Whole",
    "Window",
    "Workload",
    "all_ops",
    "bind",
    "buffers_of",
    "conv2d",
    "integerize",
    "lowest_read",
    "op",
    "register",
    "same_padding",
    "window_output",
]
