"""Kernels for cores with the DSP extension: Cortex-M4, M7, M33 and above."""

from __future__ import annotations

from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.dsp.add import AddDsp
from tinycc_ml.kernels.dsp.average_pool import AveragePool2DDsp
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.depthwise_planes import DepthwisePlanes
from tinycc_ml.kernels.dsp.fully_connected import FullyConnectedDsp

#: All of them; of two for one operator the better stands first.
DSP: tuple[KernelDef, ...] = (
    AddDsp(),
    AveragePool2DDsp(),
    Conv2DDsp(),
    DepthwisePlanes(),
    FullyConnectedDsp(),
)

__all__ = ["DSP"]
