"""Rectifier as an operator of its own.

``output = max(input, 0)``: a clamp where input and output are quantized alike, else a table.

Source: TensorFlow Lite RELU; integers as in TensorFlow Lite Micro's ``activations_common.cc``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.numerics import quantize_multiplier, requantize
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.clamp import ClampNumbers, clamp_reference, lower_clamp
from tinycc_ml.ops.elementwise import elementwise_access
from tinycc_ml.ops.floats import FloatNumbers, float_numbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.lookup import every_input, lookup_integers, lookup_reference, lower_lookup
from tinycc_ml.ops.quantized import bounded_multiplier, integers_problem
from tinycc_ml.ops.registry import register


@register
class Relu(OpDef):
    """Input: any shape. Output: the same shape; its quantization may differ."""

    name = "relu"
    summary = "rectifier max(x, 0)"

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
            return Integers(float_numbers(Activation.RELU), (("input", 0),))
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by check
        limits = output_clamp(Activation.RELU, bound.outputs[0])
        if (x.scale, x.zero_point) == (y.scale, y.zero_point):
            return Integers(ClampNumbers(*limits), (("input", 0),))
        ratio = x.scale / y.scale
        bounded_multiplier(quantize_multiplier(ratio), bits=8)
        zero_points = (x.zero_point, y.zero_point)
        table = requantize(every_input(DType.INT8), ratio, zero_points, limits)
        return lookup_integers(table, DType.INT8)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        if isinstance(workload.numbers, ClampNumbers | FloatNumbers):
            return clamp_reference(workload, operands)
        return lookup_reference(workload, operands)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        if isinstance(workload.numbers, ClampNumbers | FloatNumbers):
            return lower_clamp(workload)
        return lower_lookup(workload)
