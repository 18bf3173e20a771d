"""Operators: one file each, meaning only."""

from __future__ import annotations

from tinycc_ml.ops import (
    add,
    average_pool2d,
    concatenation,
    conv2d,
    depthwise_conv2d,
    dequantize,
    fully_connected,
    logistic,
    max_pool2d,
    mean,
    mul,
    pad,
    quantize,
    relu,
    relu6,
    reshape,
    softmax,
)
from tinycc_ml.ops.access import Access, Elementwise, Pattern, Spans, Whole, Window, lowest_read
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import (
    BoundNode,
    Integers,
    Layer,
    LayerGraph,
    Numbers,
    OpDef,
    Workload,
    buffers_of,
)
from tinycc_ml.ops.evaluate import evaluate
from tinycc_ml.ops.layer_graph import bind, integerize
from tinycc_ml.ops.printer import format_layer_graph
from tinycc_ml.ops.registry import all_ops, op, register
from tinycc_ml.ops.window import Padding, same_padding, window_output

__all__ = [
    "Access",
    "Activation",
    "BoundNode",
    "Elementwise",
    "Integers",
    "Layer",
    "LayerGraph",
    "Numbers",
    "OpDef",
    "Padding",
    "Pattern",
    "Spans",
    "Whole",
    "Window",
    "Workload",
    "add",
    "all_ops",
    "average_pool2d",
    "bind",
    "buffers_of",
    "concatenation",
    "conv2d",
    "depthwise_conv2d",
    "dequantize",
    "evaluate",
    "format_layer_graph",
    "fully_connected",
    "integerize",
    "logistic",
    "lowest_read",
    "max_pool2d",
    "mean",
    "mul",
    "op",
    "pad",
    "quantize",
    "register",
    "relu",
    "relu6",
    "reshape",
    "same_padding",
    "softmax",
    "window_output",
]
