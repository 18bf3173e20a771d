"""Elementwise multiplication.

``output = act(input0 * input1)`` with broadcasting; either input may be a constant.

Source: TensorFlow Lite MUL; integers as in TensorFlow Lite Micro's ``mul_common.cc`` and
``reference_integer_ops::MulElementwise``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
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
from tinycc_ml.ops.quantized import alike_problem, bounded_multiplier, integers_problem
from tinycc_ml.ops.registry import register

#: Of int8 with offsets, and of int16 without.
_PRODUCT_BITS = {DType.INT8: 16, DType.INT16: 30}


@dataclass(frozen=True, slots=True)
class MulAttrs(OpAttrs):
    """The fused activation."""

    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class MulNumbers(Numbers):
    """The literals; zero points of the inputs are subtracted before the product."""

    input0_zero_point: int
    input1_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int
    output_min: int
    output_max: int


@register
class Mul(OpDef):
    """Inputs: two tensors whose shapes broadcast. Output: their broadcast shape."""

    name = "mul"
    attrs_type = MulAttrs
    summary = "elementwise multiplication with broadcasting; fused activation"
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
        a = cast(MulAttrs, bound.attrs)
        if is_float(bound):
            return Integers(float_numbers(a.activation), (("input0", 0), ("input1", 1)))
        first, second, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
        assert first and second and y  # checked by check
        pair = quantize_multiplier(first.scale * second.scale / y.scale)
        multiplier, shift = bounded_multiplier(pair, _PRODUCT_BITS[bound.inputs[0].dtype])
        low, high = output_clamp(a.activation, bound.outputs[0])
        numbers = MulNumbers(
            first.zero_point, second.zero_point, y.zero_point, multiplier, shift, low, high
        )
        return Integers(numbers, (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            return (limit(operands["input0"] * operands["input1"], n),)
        n = cast(MulNumbers, n)
        first = operands["input0"].astype(np.int64) - n.input0_zero_point
        second = operands["input1"].astype(np.int64) - n.input1_zero_point
        result = multiply_by_quantized_multiplier(first * second, n.multiplier, n.shift)
        clamped = np.clip(result + n.output_zero_point, n.output_min, n.output_max)
        return (clamped.astype(workload.dtype.numpy),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            numbers = n
            return broadcast_kernel(workload, lambda x, y: limited(b.mul(x, y), numbers))
        n = cast(MulNumbers, n)

        def value(first: Expr, second: Expr) -> Expr:
            product = b.mul(b.sub(first, n.input0_zero_point), b.sub(second, n.input1_zero_point))
            result = b.call("requantize", product, n.multiplier, n.shift)
            return b.clamp(b.add(result, n.output_zero_point), n.output_min, n.output_max)

        return broadcast_kernel(workload, value)
