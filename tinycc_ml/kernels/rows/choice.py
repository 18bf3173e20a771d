"""Which row kernels compute a layer in a group."""

from __future__ import annotations

from tinycc_ml.kernels.rows.base import RowKernel
from tinycc_ml.kernels.rows.dsp import DSP_ROWS
from tinycc_ml.kernels.rows.fpu import FPU_ROWS
from tinycc_ml.kernels.rows.grouping import RowLayerChoice
from tinycc_ml.kernels.rows.mve import MVE_ROWS
from tinycc_ml.kernels.rows.portable import PORTABLE_ELEMENTWISE, PORTABLE_WINDOWS
from tinycc_ml.kernels.rows.sums import PORTABLE_SUMS
from tinycc_ml.ops import Layer

#: For any core, preferred first.
PORTABLE_ROWS: tuple[RowKernel, ...] = (*PORTABLE_SUMS, *PORTABLE_WINDOWS, *PORTABLE_ELEMENTWISE)
#: For cores with more, preferred first.
_SPECIAL: tuple[RowKernel, ...] = (*MVE_ROWS, *DSP_ROWS, *FPU_ROWS)


def row_choices(
    layer: Layer, features: frozenset[str], whole: str, *, portable: bool = False
) -> tuple[RowLayerChoice, ...]:
    """For each size of a block the preferred row kernel; nothing where there is none.

    Args:
        layer: The layer.
        features: What the core can do.
        whole: The kernel that was chosen for the whole layer.
        portable: Whether only kernels for any core are considered.

    Returns:
        By size of the block, ascending; the first computes single rows.
    """
    found: dict[int, RowLayerChoice] = {}
    for kernel in (*(() if portable else _SPECIAL), *PORTABLE_ROWS):
        if kernel.op != layer.workload.op or not kernel.requires <= features:
            continue
        if kernel.dtype not in (None, layer.workload.dtype):
            continue
        if layer.workload.has_odd_weight and not kernel.odd_weight:
            continue
        if kernel.block in found or kernel.whole not in (None, whole):
            continue
        if kernel.accepts(layer.workload, layer.constants) is None:
            loops = kernel.build(layer.workload, layer.constants)
            found[kernel.block] = RowLayerChoice(layer, kernel, loops)
    return tuple(found[block] for block in sorted(found)) if 1 in found else ()
