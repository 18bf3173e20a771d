"""Elementwise addition.

``output = act(input0 + input1)`` with broadcasting; either input may be a constant.

Source: TensorFlow Lite ADD; integers as in TensorFlow Lite Micro's ``add_common.cc`` and
``reference_integer_ops::AddFunc``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Expr, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
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

# Inputs gain 20 bits before they are scaled: 9 + 20 bits leave room for the sum.
_LEFT_SHIFT = 20


@dataclass(frozen=True, slots=True)
class AddAttrs(OpAttrs):
    """The fused activation."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class Scaling:
    """``(x + offset) * multiplier * 2**(shift - 31)``; for the output the offset comes last."""

    offset: int
    multiplier: int
    shift: int


@dataclass(frozen=True, slots=True)
class AddNumbers(Numbers):
    """The literals: both inputs come to half the larger scale, their sum to the output's."""

    input0: Scaling
    input1: Scaling
    output: Scaling
    output_min: int
    output_max: int


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
        numbers = AddNumbers(
            Scaling(-first.zero_point, *_smaller_than_one(first.scale / unit)),
            Scaling(-second.zero_point, *_smaller_than_one(second.scale / unit)),
            Scaling(y.zero_point, *_smaller_than_one(unit / ((1 << _LEFT_SHIFT) * y.scale))),
            low,
            high,
        )
        return Integers(numbers, (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            return (limit(operands["input0"] + operands["input1"], n),)
        n = cast(AddNumbers, n)
        raw = scale_input(operands["input0"], n.input0) + scale_input(operands["input1"], n.input1)
        result = multiply_by_quantized_multiplier(raw, n.output.multiplier, n.output.shift)
        return (np.clip(result + n.output.offset, n.output_min, n.output_max).astype(np.int8),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            numbers = n
            return broadcast_kernel(workload, lambda x, y: limited(b.add(x, y), numbers))
        n = cast(AddNumbers, n)

        def scaled(x: Expr, s: Scaling) -> Expr:
            shifted = b.mul(b.add(x, s.offset), 1 << _LEFT_SHIFT)
            return b.call("requantize", shifted, s.multiplier, s.shift)

        def value(first: Expr, second: Expr) -> Expr:
            raw = b.add(scaled(first, n.input0), scaled(second, n.input1))
            result = b.call("requantize", raw, n.output.multiplier, n.output.shift)
            return b.clamp(b.add(result, n.output.offset), n.output_min, n.output_max)

        return broadcast_kernel(workload, value)


def _smaller_than_one(real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    if shift > 0:
        raise UnsupportedError(
            f"the output's scale is 2**{_LEFT_SHIFT} times smaller than an input's; "
            "TensorFlow Lite Micro stops there"
        )
    return multiplier, shift


def scale_input(x: Array, s: Scaling) -> Array:
    """What values of an input add to the sum, in the unit that both inputs share."""
    shifted = (x.astype(np.int64) + s.offset) << _LEFT_SHIFT
    return multiply_by_quantized_multiplier(shifted, s.multiplier, s.shift)
