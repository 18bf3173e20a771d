"""Pooling by ``arm_avgpool_s8`` and ``arm_max_pool_s8``."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar, cast

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.cmsis_nn.base import CmsisNNKernel, LibraryCall, context, dims, tile
from tinycc_ml.kernels.cmsis_nn.buffer_sizes import average_pool_bytes
from tinycc_ml.ops import Workload
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers

_ARGUMENTS = (
    *("&context", "&params", "&input_dims", "input"),
    *("&filter_dims", "&output_dims", "output"),
)
_CYCLES = {"mve": 0.6, "dsp": 2.5, "c": 8.0}


class _PoolCmsisNN(CmsisNNKernel):
    """Any window, stride and padding."""

    function: ClassVar[str]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        batch = workload.operand("input").shape[0]
        return None if batch == 1 else f"batch {batch}; allowed 1"

    def scratch_bytes(self, workload: Workload) -> int:
        """What the function takes."""
        return 0

    def call(self, workload: Workload) -> LibraryCall:
        """See the base class."""
        a, n = cast(Pool2DAttrs, workload.attrs), cast(PoolNumbers, workload.numbers)
        stride, padding = tile(*a.stride), tile(a.padding.top, a.padding.left)
        size = self.scratch_bytes(workload)
        limits = f"{{{n.output_min}, {n.output_max}}}"
        objects = (
            context(size),
            f"cmsis_nn_pool_params params = {{{stride}, {padding}, {limits}}}",
            dims("input_dims", *workload.operand("input").shape),
            dims("filter_dims", 1, *a.kernel, 1),
            dims("output_dims", *workload.operand("output").shape),
        )
        return LibraryCall(self.function, objects, _ARGUMENTS, size)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        window = prod(cast(Pool2DAttrs, workload.attrs).kernel)
        return int(outputs(workload) * (window * _CYCLES[self.isa] + 8))


class AveragePoolCmsisNN(_PoolCmsisNN):
    """The mean of a window."""

    op = "average_pool2d"
    prefix = "average_pool2d_s8"
    function = "arm_avgpool_s8"

    def scratch_bytes(self, workload: Workload) -> int:
        """See the base class."""
        return average_pool_bytes(workload.operand("input").shape[3], self.isa)


class MaxPoolCmsisNN(_PoolCmsisNN):
    """The maximum of a window."""

    op = "max_pool2d"
    prefix = "max_pool2d_s8"
    function = "arm_max_pool_s8"
