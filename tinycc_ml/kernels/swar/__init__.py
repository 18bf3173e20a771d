"""Kernels for cores without the DSP extension: Cortex-M0, M0+, M23 (Thumb-1) and M3."""

from __future__ import annotations

from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.swar.add import AddTables
from tinycc_ml.kernels.swar.conv2d_code import Conv2DCode
from tinycc_ml.kernels.swar.conv2d_data import Conv2DData
from tinycc_ml.kernels.swar.depthwise_code import DepthwiseCode
from tinycc_ml.kernels.swar.fully_connected import FullyConnectedData

#: All of them; of two for one operator the better stands first.
SWAR: tuple[KernelDef, ...] = (
    AddTables("thumb1"),
    AddTables("thumb2"),
    Conv2DCode("thumb1"),
    Conv2DCode("thumb2"),
    Conv2DData("thumb1"),
    Conv2DData("thumb2"),
    DepthwiseCode("thumb1"),
    DepthwiseCode("thumb2"),
    FullyConnectedData("thumb1"),
    FullyConnectedData("thumb2"),
)

__all__ = ["SWAR"]
