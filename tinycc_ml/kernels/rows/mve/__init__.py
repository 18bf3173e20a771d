"""Row kernels for cores with vector instructions (MVE), from the tiles of whole layers."""

from __future__ import annotations

from tinycc_ml.kernels.mve.add import AddMve
from tinycc_ml.kernels.rows.base import RowKernel
from tinycc_ml.kernels.rows.mve.conv2d import Conv2DRowsMve
from tinycc_ml.kernels.rows.mve.depthwise import DepthwiseRowsMve
from tinycc_ml.kernels.rows.one_row import OneRow

#: All of them.
MVE_ROWS: tuple[RowKernel, ...] = (OneRow(AddMve()), Conv2DRowsMve(), DepthwiseRowsMve())

__all__ = ["MVE_ROWS"]
