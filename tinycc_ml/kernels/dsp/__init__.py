"""Kernels for cores with the DSP extension: Cortex-M4, M7, M33 and above."""

from __future__ import annotations

from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.dsp.add import AddDsp
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.conv2d_shared import Conv2DDspShared
from tinycc_ml.kernels.dsp.depthwise_planes import DepthwisePlanes, DepthwisePlanesShared
from tinycc_ml.kernels.dsp.dual_kernels import DualIssue
from tinycc_ml.kernels.dsp.fully_connected import FullyConnectedDsp, FullyConnectedDspShared
from tinycc_ml.kernels.dsp.pooling import AveragePool2DDsp, MaxPool2DDsp
from tinycc_ml.kernels.dsp.winograd import WINOGRAD

_FAST: tuple[KernelDef, ...] = (
    AddDsp(),
    AveragePool2DDsp(),
    *WINOGRAD,
    Conv2DDsp(),
    DepthwisePlanes(),
    FullyConnectedDsp(),
    MaxPool2DDsp(),
)

#: With texts that layers of many sizes share. Their order of instructions is fixed.
SHARED: tuple[KernelDef, ...] = (
    Conv2DDspShared(),
    DepthwisePlanesShared(),
    FullyConnectedDspShared(),
)

#: All of them; of two for one operator the better stands first.
DSP: tuple[KernelDef, ...] = (*_FAST, *SHARED)

#: The same for cores that start two instructions at a time.
DUAL_ISSUE: tuple[KernelDef, ...] = tuple(map(DualIssue, _FAST))

__all__ = ["DSP", "DUAL_ISSUE", "SHARED"]
