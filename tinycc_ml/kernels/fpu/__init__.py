"""Float32 kernels for cores with a floating-point unit: assembly that keeps the order of sums."""

from __future__ import annotations

from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.fpu.conv2d import Conv2DFpu
from tinycc_ml.kernels.fpu.depthwise import DepthwiseFpu
from tinycc_ml.kernels.fpu.fully_connected import FullyConnectedFpu

#: All of them; of one operator the preferred first.
FPU: tuple[KernelDef, ...] = (Conv2DFpu(), DepthwiseFpu(), FullyConnectedFpu())

__all__ = ["FPU"]
