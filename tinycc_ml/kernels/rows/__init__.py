"""Groups of layers that run row by row, with rings of rows between them."""

from __future__ import annotations

from tinycc_ml.kernels.rows.base import RowKernel, RowLoops
from tinycc_ml.kernels.rows.blocks import block_limits, longest_group
from tinycc_ml.kernels.rows.choice import row_choices
from tinycc_ml.kernels.rows.fuse import fuse_rows, is_held
from tinycc_ml.kernels.rows.grouping import RowLayerChoice, with_groups
from tinycc_ml.kernels.rows.in_place import values_in_place
from tinycc_ml.kernels.rows.member import (
    Member,
    group_access,
    group_inputs,
    held_bytes,
    input_names,
    scratch_bytes,
)
from tinycc_ml.kernels.rows.pushed import TimedGroup, timed_group
from tinycc_ml.kernels.rows.timing import RowLayer, RowReads, Timing, rows_in_order, time_rows

__all__ = [
    "Member",
    "RowKernel",
    "RowLayer",
    "RowLayerChoice",
    "RowLoops",
    "RowReads",
    "TimedGroup",
    "Timing",
    "block_limits",
    "fuse_rows",
    "group_access",
    "group_inputs",
    "held_bytes",
    "input_names",
    "is_held",
    "longest_group",
    "row_choices",
    "rows_in_order",
    "scratch_bytes",
    "time_rows",
    "timed_group",
    "values_in_place",
    "with_groups",
]
