"""Mean and sum over dimensions.

``output[kept] = requantize(sum(input[kept, reduced] - zero_point))``, where the division by the
number of elements is part of the multiplier.

Source: TensorFlow Lite MEAN, SUM; integers as in TensorFlow Lite Micro's ``QuantizedMeanOrSum``,
which serves all axes (there is no special case for height and width) and truncates the multiplier
that it divides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Expr, Literal, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float, running_sum
from tinycc_ml.ops.int8_checks import INT8_MAX, INT8_MIN, int8_problem, sum_problem
from tinycc_ml.ops.reduction import ReductionLoops, reduced_rows, reduced_shape
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class MeanAttrs(OpAttrs):
    """The dimensions to reduce: not negative, ascending, without duplicates."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@dataclass(frozen=True, slots=True)
class MeanNumbers(Numbers):
    """The literals of a mean.

    Attributes:
        offset: Added to the sum: minus the input's zero point for each element.
        multiplier: From sums to outputs, division included.
        shift: Its power of two.
        output_zero_point: Added after requantization.
    """

    offset: int
    multiplier: int
    shift: int
    output_zero_point: int


@register
class Mean(OpDef):
    """Input: any shape. Output: the shape without the axes, or with 1 in their place."""

    name = "mean"
    attrs_type = MeanAttrs
    summary = "mean over any dimensions"
    dtypes = ("int8", "float32")
    #: Whether the sum is divided by the number of elements.
    divides = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(MeanAttrs, attrs)
        return (reduced_shape(self.name, inputs[0].shape, a.axes, a.keep_dims),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        x, y = bound.inputs[0], bound.outputs[0]
        problem = int8_problem("input", x) or int8_problem("output", y)
        if problem:
            return problem
        try:
            n = self._numbers(bound)
        except UnsupportedError as error:
            return str(error)
        count = _count(cast(MeanAttrs, bound.attrs), x)
        low, high = (np.array([n.offset + count * limit]) for limit in (INT8_MIN, INT8_MAX))
        return sum_problem(low, high, np.array([n.shift]), n.output_zero_point)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        numbers = FloatNumbers() if is_float(bound) else self._numbers(bound)
        return Integers(numbers, (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(MeanAttrs, workload.attrs), workload.numbers
        if isinstance(n, FloatNumbers):
            return (self._float_mean(operands["input"], a, workload),)
        n = cast(MeanNumbers, n)
        acc = operands["input"].sum(axis=a.axes, dtype=np.int64) + n.offset
        scaled = multiply_by_quantized_multiplier(acc, n.multiplier, n.shift)
        y = np.clip(scaled + n.output_zero_point, INT8_MIN, INT8_MAX).astype(np.int8)
        return (y.reshape(workload.operand("output").shape),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return Access(workload.operand("output").elements, (("input", Whole()),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(MeanAttrs, workload.attrs), workload.numbers
        x, y = buffers_of(workload)
        loops = ReductionLoops(x.shape, a.axes, a.keep_dims)
        if isinstance(n, FloatNumbers):
            start = b.number(0.0)
            output: Expr = Var("acc")
            if self.divides:
                output = b.div(output, b.number(_count(a, workload.operand("input"))))
        else:
            start = Literal(cast(MeanNumbers, n).offset)
            output = mean_of_sum(cast(MeanNumbers, n))
        body = b.nest(
            loops.kept,
            Local("acc", start.dtype, start),
            *b.nest(loops.reduced, Accumulate("acc", b.load(x, *loops.element))),
            b.store(y, loops.target, output),
        )
        return LoopKernel(self.name, (x, y), body)

    def _float_mean(self, x: Array, attrs: MeanAttrs, workload: Workload) -> Array:
        rows = reduced_rows(x, attrs.axes)
        total = running_sum(rows)
        mean: Array = total / np.float32(rows.shape[-1]) if self.divides else total
        return mean.reshape(workload.operand("output").shape)

    def _numbers(self, bound: BoundNode) -> MeanNumbers:
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by int8_problem
        count = _count(cast(MeanAttrs, bound.attrs), bound.inputs[0])
        multiplier, shift = quantize_multiplier(x.scale / y.scale)
        if self.divides:
            # As many bits as the division takes away are added first, as far as the shift stays
            # >= -31.
            extra = min(count.bit_length() - 1, 32, 31 + shift)
            multiplier, shift = (multiplier << extra) // count, shift - extra
        return MeanNumbers(-count * x.zero_point, multiplier, shift, y.zero_point)


@register
class Sum(Mean):
    """Input: any shape. Output: the shape without the axes, or with 1 in their place."""

    name = "sum"
    summary = "sum over any dimensions"
    divides = False


def mean_of_sum(n: MeanNumbers) -> Expr:
    """The output for the local ``acc``: the offset and all elements."""
    scaled = b.call("requantize", Var("acc"), n.multiplier, n.shift)
    return b.clamp(b.add(scaled, n.output_zero_point), INT8_MIN, INT8_MAX)


def _count(attrs: MeanAttrs, x: TensorType) -> int:
    return prod(x.shape[axis] for axis in attrs.axes)
