"""Elementwise addition.

``output = act(input0 + input1)`` with broadcasting; either input may be a constant.

Source: TensorFlow Lite ADD; integers as in TensorFlow Lite Micro's ``add_common.cc`` and
``reference_integer_ops::AddFunc``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Expr, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel, broadcast_shape
from tinycc_ml.ops.floats import (
    FloatNumbers,
    float_numbers,
    float_problem,
    is_float,
    limit,
    limited,
)
from tinycc_ml.ops.quantized import alike_problem, integers_problem
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.rescaling import (
    SUM_LEFT_SHIFT,
    RescaledNumbers,
    Scaling,
    scale_input,
    scale_output,
    scaled_input,
    scaled_output,
    smaller_than_one,
)

#: int16 has less room.
_LEFT_SHIFTS = {DType.INT8: SUM_LEFT_SHIFT, DType.INT16: 15}


@dataclass(frozen=True, slots=True)
class AddAttrs(OpAttrs):
    """The fused activation."""

    activation: Activation = Activation.NONE


@register
class Add(OpDef):
    """Inputs: two tensors whose shapes broadcast. Output: their broadcast shape."""

    name = "add"
    attrs_type = AddAttrs
    summary = "elementwise addition with broadcasting; fused activation"
    dtypes = ("int8", "int16", "float32")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (broadcast_shape(inputs[0].shape, inputs[1].shape),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        (first, second), (y,) = bound.inputs, bound.outputs
        return alike_problem(
            [("input 0", first), ("input 1", second), ("output", y)]
        ) or integers_problem(self.integerize, bound)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        a = cast(AddAttrs, bound.attrs)
        if is_float(bound):
            return Integers(float_numbers(a.activation), (("input0", 0), ("input1", 1)))
        first, second, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
        assert first and second and y  # checked by check
        unit = 2 * max(first.scale, second.scale)
        sum_unit = unit / (1 << _LEFT_SHIFTS[bound.inputs[0].dtype])
        low, high = output_clamp(a.activation, bound.outputs[0])
        numbers = RescaledNumbers(
            Scaling(-first.zero_point, *smaller_than_one(first.scale / unit)),
            Scaling(-second.zero_point, *smaller_than_one(second.scale / unit)),
            Scaling(y.zero_point, *smaller_than_one(sum_unit / y.scale)),
            low,
            high,
        )
        return Integers(numbers, (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            return (limit(operands["input0"] + operands["input1"], n),)
        n = cast(RescaledNumbers, n)
        left = _LEFT_SHIFTS[workload.dtype]
        first, second = (
            scale_input(operands[role], scaling, left)
            for role, scaling in (("input0", n.input0), ("input1", n.input1))
        )
        return (scale_output(first + second, n, workload.dtype),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            numbers = n
            return broadcast_kernel(workload, lambda x, y: limited(b.add(x, y), numbers))
        n, left = cast(RescaledNumbers, n), _LEFT_SHIFTS[workload.dtype]

        def value(first: Expr, second: Expr) -> Expr:
            scaled = scaled_input(first, n.input0, left), scaled_input(second, n.input1, left)
            return scaled_output(b.add(*scaled), n)

        return broadcast_kernel(workload, value)
