"""Rectifier with an upper limit, as an operator of its own.

``output = min(max(input, 0), 6)``. TensorFlow Lite Micro clamps between the input's quantized 0
and 6 and ignores the output's quantization; so does this operator.

Source: TensorFlow Lite RELU6; integers as in TensorFlow Lite Micro's ``activations_common.cc``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.clamp import ClampNumbers, clamp_reference, lower_clamp
from tinycc_ml.ops.elementwise import elementwise_access
from tinycc_ml.ops.floats import float_numbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.quantized import integers_problem
from tinycc_ml.ops.registry import register


@register
class Relu6(OpDef):
    """Input: any shape. Output: the same shape."""

    name = "relu6"
    summary = "rectifier min(max(x, 0), 6)"

    dtypes = ("int8", "float32")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        return (
            int8_problem("input", bound.inputs[0])
            or int8_problem("output", bound.outputs[0])
            or integers_problem(self.integerize, bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        if is_float(bound):
            return Integers(float_numbers(Activation.RELU6), (("input", 0),))
        limits = output_clamp(Activation.RELU6, bound.inputs[0])
        return Integers(ClampNumbers(*limits), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return clamp_reference(workload, operands)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return lower_clamp(workload)
