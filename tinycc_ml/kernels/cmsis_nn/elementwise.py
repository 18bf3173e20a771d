"""Sums and products of elements by ``arm_elementwise_add_s8`` and ``arm_elementwise_mul_s8``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.cmsis_nn.base import CmsisNNKernel, LibraryCall
from tinycc_ml.ops import Workload
from tinycc_ml.ops.mul import MulNumbers
from tinycc_ml.ops.rescaling import SUM_LEFT_SHIFT, RescaledNumbers

_ADD_CYCLES = {"mve": 8, "dsp": 24, "c": 90}
_MUL_CYCLES = {"mve": 5, "dsp": 16, "c": 40}


class _Elementwise(CmsisNNKernel):
    """Inputs of equal shapes; any activation."""

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        shapes = {type_.shape for _, type_ in (*workload.inputs, *workload.outputs)}
        if len(shapes) > 1:
            return f"shapes {sorted(shapes)} are broadcast; allowed are equal ones"
        return None


class AddCmsisNN(_Elementwise):
    """Addition."""

    op = "add"
    prefix = "add_s8"

    def call(self, workload: Workload) -> LibraryCall:
        """See the base class."""
        n = cast(RescaledNumbers, workload.numbers)
        numbers = [
            *(n.input0.offset, n.input0.multiplier, n.input0.shift),
            *(n.input1.offset, n.input1.multiplier, n.input1.shift),
            SUM_LEFT_SHIFT,
        ]
        finish = [n.output.offset, n.output.multiplier, n.output.shift, n.output_min, n.output_max]
        arguments = ("input0", "input1", *map(str, numbers), "output", *map(str, finish))
        size = str(outputs(workload))
        return LibraryCall("arm_elementwise_add_s8", (), (*arguments, size))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return _ADD_CYCLES[self.isa] * outputs(workload)


class MulCmsisNN(_Elementwise):
    """Multiplication."""

    op = "mul"
    prefix = "mul_s8"

    def call(self, workload: Workload) -> LibraryCall:
        """See the base class."""
        n = cast(MulNumbers, workload.numbers)
        zeros = (-n.input0_zero_point, -n.input1_zero_point)
        finish = (n.output_zero_point, n.multiplier, n.shift, n.output_min, n.output_max)
        arguments = ("input0", "input1", *map(str, zeros), "output", *map(str, finish))
        size = str(outputs(workload))
        return LibraryCall("arm_elementwise_mul_s8", (), (*arguments, size))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return _MUL_CYCLES[self.isa] * outputs(workload)
