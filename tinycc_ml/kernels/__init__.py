"""Ways to compute an operator: selection, and the program it gives."""

from __future__ import annotations

from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.candidate import code_bytes
from tinycc_ml.kernels.printer import format_order, format_program
from tinycc_ml.kernels.program import Call, GroupedLayer, Program, PushedRows, Refusal
from tinycc_ml.kernels.select import KernelChoice, candidates, select

__all__ = [
    "Call",
    "GroupedLayer",
    "Kernel",
    "KernelChoice",
    "KernelDef",
    "Program",
    "PushedRows",
    "Refusal",
    "candidates",
    "code_bytes",
    "format_order",
    "format_program",
    "select",
]
