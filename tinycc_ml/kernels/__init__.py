"""Ways to compute an operator: selection, and the program it gives."""

from __future__ import annotations

from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.candidate import code_bytes
from tinycc_ml.kernels.printer import format_order, format_program
from tinycc_ml.kernels.program import Call, GroupedLayer, Program, PushedRows, Refusal
from tinycc_ml.kernels.select import KernelChoice, candidates, select
from tinycc_ml.kernels.support import CoreGroup, Support, core_groups, support_table

__all__ = [
    "Call",
    "CoreGroup",
    "GroupedLayer",
    "Kernel",
    "KernelChoice",
    "KernelDef",
    "Program",
    "PushedRows",
    "Refusal",
    "Support",
    "candidates",
    "code_bytes",
    "core_groups",
    "format_order",
    "format_program",
    "select",
    "support_table",
]
