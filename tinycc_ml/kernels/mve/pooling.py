"""Average and max pooling by vectors; any stride and padding, any number of channels."""

from __future__ import annotations

from math import prod
from typing import ClassVar, cast

from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.mve.average_pool_code import AveragePoolCode
from tinycc_ml.kernels.mve.max_pool_code import MaxPoolCode
from tinycc_ml.kernels.mve.pool_code import PoolCode
from tinycc_ml.kernels.pool_tile import PoolTile
from tinycc_ml.kernels.pooling import PoolKernel
from tinycc_ml.loopir import Intrinsic
from tinycc_ml.ops import Workload
from tinycc_ml.ops.pooling import Pool2DAttrs

#: Instructions of the maxima: of a pixel of the window, of a vector besides, of a call.
_PIXEL, _VECTOR, _CALL = 2, 6, 16


class _PoolMve(PoolKernel):
    """A kind of pooling, told by its code."""

    requires = frozenset({"mve"})
    #: The kind of pooling.
    code: ClassVar[type[PoolCode]]

    def intrinsic(self, tile: PoolTile) -> Intrinsic:
        """See the base class."""
        return self.code(tile).intrinsic()

    def problem(self, tile: PoolTile) -> str | None:
        """See the base class."""
        return self.code(tile).problem()


class AveragePool2DMve(_PoolMve):
    """Windows of up to 256 pixels; any activation."""

    name = "average_pool2d_s8__mve_8"
    op = "average_pool2d"
    code = AveragePoolCode

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        window = prod(cast(Pool2DAttrs, workload.attrs).kernel)
        return outputs(workload) * (window + 8) * 2 // 5


class MaxPool2DMve(_PoolMve):
    """Any window and activation."""

    name = "max_pool2d_s8__mve_16"
    op = "max_pool2d"
    code = MaxPoolCode

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        window = prod(cast(Pool2DAttrs, workload.attrs).kernel)
        channels = workload.operand("output").shape[3]
        vectors = -(-channels // self.code.channels)
        pixels = outputs(workload) // channels
        return pixels * (vectors * (window * _PIXEL + _VECTOR) + _CALL)
