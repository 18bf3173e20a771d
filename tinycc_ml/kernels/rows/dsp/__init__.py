"""Row kernels for cores with the DSP extension, made from the tiles of the whole-layer kernels."""

from __future__ import annotations

from tinycc_ml.kernels.dsp.add import AddDsp
from tinycc_ml.kernels.rows.base import RowKernel
from tinycc_ml.kernels.rows.dsp.conv2d import Conv2DRowsDsp
from tinycc_ml.kernels.rows.dsp.depthwise import DepthwiseRowsDsp
from tinycc_ml.kernels.rows.dsp.pointwise import PointwiseRowsDsp
from tinycc_ml.kernels.rows.one_row import OneRow

#: All of them; of two for one operator the better stands first.
DSP_ROWS: tuple[RowKernel, ...] = (
    OneRow(AddDsp()),
    PointwiseRowsDsp(),
    Conv2DRowsDsp(),
    DepthwiseRowsDsp(),
)

__all__ = ["DSP_ROWS"]
