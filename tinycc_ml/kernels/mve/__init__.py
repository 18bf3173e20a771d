"""Kernels for cores with vector instructions (MVE, Helium): Cortex-M55, M85 and others."""

from __future__ import annotations

from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.mve.add import AddMve
from tinycc_ml.kernels.mve.conv2d import Conv2DMve
from tinycc_ml.kernels.mve.depthwise import DepthwiseMve
from tinycc_ml.kernels.mve.fully_connected import FullyConnectedMve
from tinycc_ml.kernels.mve.mean import MeanMve, SumMve
from tinycc_ml.kernels.mve.mul import MulMve
from tinycc_ml.kernels.mve.pooling import AveragePool2DMve, MaxPool2DMve

#: All of them; of two for one operator the better stands first.
MVE: tuple[KernelDef, ...] = (
    AddMve(),
    AveragePool2DMve(),
    Conv2DMve(),
    DepthwiseMve(),
    FullyConnectedMve(),
    MaxPool2DMve(),
    MeanMve(),
    MulMve(),
    SumMve(),
)

__all__ = ["MVE"]
