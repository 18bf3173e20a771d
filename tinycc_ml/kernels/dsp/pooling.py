"""Average and max pooling, four channels at a time; any window, stride and padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.dsp.average_pool_code import MAX_PIXELS, AveragePoolCode
from tinycc_ml.kernels.dsp.max_pool_code import MaxPoolCode
from tinycc_ml.kernels.dsp.pool_tile import PoolCode, tile_problem
from tinycc_ml.kernels.pool_tile import PoolTile
from tinycc_ml.kernels.pooling import PoolKernel
from tinycc_ml.loopir import Intrinsic
from tinycc_ml.ops import Workload
from tinycc_ml.ops.pooling import Pool2DAttrs


class _PoolDsp(PoolKernel):
    """A kind of pooling, told by its code."""

    requires = frozenset({"dsp"})
    #: The kind of pooling.
    code: ClassVar[type[PoolCode]]
    #: Estimated cycles per element of a window.
    cycles_per_element: ClassVar[float]

    def intrinsic(self, tile: PoolTile) -> Intrinsic:
        """See the base class."""
        return self.code(tile).intrinsic()

    def problem(self, tile: PoolTile) -> str | None:
        """See the base class."""
        return tile_problem(tile)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        kernel = cast(Pool2DAttrs, workload.attrs).kernel
        elements = outputs(workload) * kernel[0] * kernel[1]
        return int(elements * self.cycles_per_element) + 8 * outputs(workload)


class AveragePool2DDsp(_PoolDsp):
    """Windows of up to 256 pixels; four channels or more."""

    name = "average_pool2d_s8__dsp"
    op = "average_pool2d"
    code = AveragePoolCode
    cycles_per_element = 1.5

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        height, width = cast(Pool2DAttrs, workload.attrs).kernel
        if height * width > MAX_PIXELS:
            return f"a window of {height * width} pixels; allowed up to {MAX_PIXELS}"
        return super().accepts(workload, constants)


class MaxPool2DDsp(_PoolDsp):
    """Four channels or more."""

    name = "max_pool2d_s8__dsp"
    op = "max_pool2d"
    code = MaxPoolCode
    cycles_per_element = 1.0
