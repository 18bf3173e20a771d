"""Ways to compute an operator: selection, and the program it gives."""

from __future__ import annotations

from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.printer import format_program
from tinycc_ml.kernels.program import Call, Program, Refusal
from tinycc_ml.kernels.select import candidates, select

__all__ = [
    "Call",
    "Kernel",
    "KernelDef",
    "Program",
    "Refusal",
    "candidates",
    "format_program",
    "select",
]
