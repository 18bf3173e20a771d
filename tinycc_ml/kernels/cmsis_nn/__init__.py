"""Layers as calls of CMSIS-NN, Arm's library of neural network functions for Cortex-M."""

from __future__ import annotations

from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.cmsis_nn.base import HEADER, ISAS
from tinycc_ml.kernels.cmsis_nn.convolution import Conv2DCmsisNN, DepthwiseCmsisNN
from tinycc_ml.kernels.cmsis_nn.elementwise import AddCmsisNN, MulCmsisNN
from tinycc_ml.kernels.cmsis_nn.fully_connected import FullyConnectedCmsisNN
from tinycc_ml.kernels.cmsis_nn.pooling import AveragePoolCmsisNN, MaxPoolCmsisNN

#: All of them; of those for one operator the one for the most capable core stands first.
CMSIS_NN: tuple[KernelDef, ...] = tuple(
    kind(isa)
    for kind in (
        AddCmsisNN,
        AveragePoolCmsisNN,
        Conv2DCmsisNN,
        DepthwiseCmsisNN,
        FullyConnectedCmsisNN,
        MaxPoolCmsisNN,
        MulCmsisNN,
    )
    for isa in ISAS
)

__all__ = ["CMSIS_NN", "HEADER"]
