"""Elementwise addition.

``output = act(input0 + input1)`` with broadcasting; either input may be a constant.

Source: TensorFlow Lite ADD; integers as in TensorFlow Lite Micro's ``add_common.cc`` and
``reference_integer_ops::AddFunc``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

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
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.quantized import integers_problem
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
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (broadcast_shape(inputs[0].shape, inputs[1].shape),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        first, second = bound.inputs
        return (
            int8_problem("input 0", first)
            or int8_problem("input 1", second)
            or int8_problem("output", bound.outputs[0])
            or integers_problem(self.integerize, bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        a = cast(AddAttrs, bound.attrs)
        if is_float(bound):
            return Integers(float_numbers(a.activation), (("input0", 0), ("input1", 1)))
        first, second, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
        assert first and second and y  # checked by check
        unit = 2 * max(first.scale, second.scale)
        low, high = output_clamp(a.activation, bound.outputs[0])
        numbers = RescaledNumbers(
            Scaling(-first.zero_point, *smaller_than_one(first.scale / unit)),
            Scaling(-second.zero_point, *smaller_than_one(second.scale / unit)),
            Scaling(y.zero_point, *smaller_than_one(unit / ((1 << SUM_LEFT_SHIFT) * y.scale))),
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
        raw = scale_input(operands["input0"], n.input0) + scale_input(operands["input1"], n.input1)
        return (scale_output(raw, n),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            numbers = n
            return broadcast_kernel(workload, lambda x, y: limited(b.add(x, y), numbers))
        n = cast(RescaledNumbers, n)

        def value(first: Expr, second: Expr) -> Expr:
            raw = b.add(scaled_input(first, n.input0), scaled_input(second, n.input1))
            return scaled_output(raw, n)

        return broadcast_kernel(workload, value)
