"""Rectifier whose slope below zero is an operand: one per channel, or any that broadcasts.

``output = input where input >= 0 else input * alpha``.

Source: TensorFlow Lite PRELU, ONNX PRelu; integers as in TensorFlow Lite Micro's
``prelu_common.cc`` and ``reference/prelu.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Compare, Expr, LoopKernel, Select
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel, broadcast_shape
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import INT8_MAX, INT8_MIN, int8_problem
from tinycc_ml.ops.quantized import bounded_multiplier, integers_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class PreluNumbers(Numbers):
    """Zero points; multipliers and shifts of what is not negative, and of products."""

    input_zero_point: int
    alpha_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int
    product_multiplier: int
    product_shift: int


@register
class Prelu(OpDef):
    """Inputs: input and alpha, whose shapes broadcast. Output: their broadcast shape."""

    name = "prelu"
    summary = "rectifier whose slope below 0 is an operand"
    dtypes = ("int8", "float32")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (broadcast_shape(inputs[0].shape, inputs[1].shape),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        return (
            int8_problem("input", bound.inputs[0])
            or int8_problem("alpha", bound.inputs[1])
            or int8_problem("output", bound.outputs[0])
            or integers_problem(self.integerize, bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        operands = (("input0", 0), ("input1", 1))
        if is_float(bound):
            return Integers(FloatNumbers(), operands)
        x, alpha, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
        assert x and alpha and y  # checked by check
        identity = bounded_multiplier(quantize_multiplier(x.scale / y.scale), bits=9)
        product = quantize_multiplier(x.scale * alpha.scale / y.scale)
        zero_points = (x.zero_point, alpha.zero_point, y.zero_point)
        numbers = PreluNumbers(*zero_points, *identity, *bounded_multiplier(product, bits=17))
        return Integers(numbers, operands)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        x, alpha, n = operands["input0"], operands["input1"], workload.numbers
        if isinstance(n, FloatNumbers):
            return (np.where(x >= 0, x, x * alpha),)
        n = cast(PreluNumbers, n)
        x = x.astype(np.int64) - n.input_zero_point
        product = x * (alpha.astype(np.int64) - n.alpha_zero_point)
        positive = multiply_by_quantized_multiplier(x, n.multiplier, n.shift)
        negative = multiply_by_quantized_multiplier(product, n.product_multiplier, n.product_shift)
        result = np.where(x >= 0, positive, negative) + n.output_zero_point
        return (np.clip(result, INT8_MIN, INT8_MAX).astype(np.int8),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            zero = b.number(0.0)
            return broadcast_kernel(
                workload, lambda x, alpha: Select(Compare(">=", x, zero), x, b.mul(x, alpha))
            )
        n = cast(PreluNumbers, n)

        def value(x: Expr, alpha: Expr) -> Expr:
            centred = b.sub(x, n.input_zero_point)
            product = b.mul(centred, b.sub(alpha, n.alpha_zero_point))
            result = Select(
                Compare(">=", x, b.value(n.input_zero_point)),
                b.call("requantize", centred, n.multiplier, n.shift),
                b.call("requantize", product, n.product_multiplier, n.product_shift),
            )
            return b.clamp(b.add(result, n.output_zero_point), INT8_MIN, INT8_MAX)

        return broadcast_kernel(workload, value)
