"""Row kernels for cores with the DSP extension, made from the tiles of the whole-layer kernels."""

from __future__ import annotations

from tinycc_ml.kernels.dsp.add import AddDsp
from tinycc_ml.kernels.dsp.winograd_algorithm import F2, F4
from tinycc_ml.kernels.rows.base import RowKernel
from tinycc_ml.kernels.rows.dsp.conv2d import Conv2DRowsDsp
from tinycc_ml.kernels.rows.dsp.depthwise import DepthwiseRowsDsp
from tinycc_ml.kernels.rows.dsp.pointwise import PointwiseRowsDsp
from tinycc_ml.kernels.rows.dsp.winograd import WinogradRows
from tinycc_ml.kernels.rows.one_row import OneRow

#: Rows of a block, where a kernel has the choice.
_BLOCKS = (1, 2, 3, 4, 5)
#: All of them; of two for one operator with equal blocks the better stands first.
DSP_ROWS: tuple[RowKernel, ...] = (
    *(OneRow(AddDsp(), block) for block in _BLOCKS),
    *(PointwiseRowsDsp(block) for block in _BLOCKS),
    Conv2DRowsDsp(),
    *(DepthwiseRowsDsp(block) for block in _BLOCKS),
    WinogradRows(F4),
    WinogradRows(F2),
)

__all__ = ["DSP_ROWS"]
