"""Which row kernel computes a layer in a group."""

from __future__ import annotations

from tinycc_ml.kernels.rows.base import RowKernel
from tinycc_ml.kernels.rows.dsp import DSP_ROWS
from tinycc_ml.kernels.rows.grouping import RowLayerChoice
from tinycc_ml.kernels.rows.portable import PORTABLE_ELEMENTWISE, PORTABLE_WINDOWS
from tinycc_ml.kernels.rows.sums import PORTABLE_SUMS
from tinycc_ml.ops import Layer

#: For any core, preferred first.
PORTABLE_ROWS: tuple[RowKernel, ...] = (*PORTABLE_SUMS, *PORTABLE_WINDOWS, *PORTABLE_ELEMENTWISE)
#: For cores with more, preferred first.
_SPECIAL: tuple[RowKernel, ...] = (*DSP_ROWS,)


def choose_rows(
    layer: Layer, features: frozenset[str], *, portable: bool = False
) -> RowLayerChoice | None:
    """The preferred row kernel for a layer; ``None`` where it cannot run row by row.

    Args:
        layer: The layer.
        features: What the core can do.
        portable: Whether only kernels for any core are considered.
    """
    for kernel in (*(() if portable else _SPECIAL), *PORTABLE_ROWS):
        if kernel.op != layer.workload.op or not kernel.requires <= features:
            continue
        if kernel.dtype not in (None, layer.workload.dtype):
            continue
        if kernel.accepts(layer.workload, layer.constants) is None:
            loops = kernel.build(layer.workload, layer.constants)
            return RowLayerChoice(layer, kernel, loops)
    return None
