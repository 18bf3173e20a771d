"""Products of matrices, either of which may be transposed; both are activations.

``output[..., i, j] = sum over k of left[..., i, k] * right[..., k, j]``; the dimensions before the
last two broadcast. A transposed operand is read as it lies, not copied.

Source: TensorFlow Lite BATCH_MATMUL, ONNX MatMul; integers as in TensorFlow Lite Micro's
``batch_matmul.cc`` and ``reference/batch_matmul.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, AffineLike, Buffer, Expr, Literal, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.access import Access, Elementwise, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.broadcast import broadcast_shape
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import INT8_MAX, INT8_MIN, int8_problem, sum_problem
from tinycc_ml.ops.quantized import integers_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class BatchMatMulAttrs(OpAttrs):
    """Whether the last two dimensions of an operand lie the other way round."""

    transpose_left: bool = False
    transpose_right: bool = False


@dataclass(frozen=True, slots=True)
class BatchMatMulNumbers(Numbers):
    """Zero points, and the way from sums to outputs."""

    left_zero_point: int
    right_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int


def _swapped(shape: tuple[int, ...], swap: bool) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1], shape[-2]) if swap else shape


@register
class BatchMatMul(OpDef):
    """Inputs: tensors of at least two dimensions. Output: their broadcast batches of products."""

    name = "batch_matmul"
    attrs_type = BatchMatMulAttrs
    summary = "products of matrices with broadcast batches; either transposed"
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(BatchMatMulAttrs, attrs)
        shapes = [t.shape for t in inputs]
        if min(map(len, shapes)) < 2:
            raise UnsupportedError(f"product of {shapes[0]} and {shapes[1]}: allowed from 2-D")
        left, right = _swapped(shapes[0], a.transpose_left), _swapped(shapes[1], a.transpose_right)
        if left[-1] != right[-2]:
            raise UnsupportedError(f"product of {left} and {right}: rows and columns differ")
        return ((*broadcast_shape(left[:-2], right[:-2]), left[-2], right[-1]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        left, right = bound.inputs
        return (
            int8_problem("input 0", left)
            or int8_problem("input 1", right)
            or int8_problem("output", bound.outputs[0])
            or integers_problem(self.integerize, bound)
            or _sum_problem(bound, self._numbers(bound))
        )

    def _numbers(self, bound: BoundNode) -> BatchMatMulNumbers:
        left, right, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
        assert left and right and y  # checked by check
        # The product in float32, the quotient in double, as the library does.
        with np.errstate(all="ignore"):
            product = float(np.float32(left.scale) * np.float32(right.scale))
        pair = quantize_multiplier(product / y.scale)
        return BatchMatMulNumbers(left.zero_point, right.zero_point, y.zero_point, *pair)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        numbers = FloatNumbers() if is_float(bound) else self._numbers(bound)
        return Integers(numbers, (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(BatchMatMulAttrs, workload.attrs), workload.numbers
        left, right = operands["input0"], operands["input1"]
        left = left.swapaxes(-1, -2) if a.transpose_left else left
        right = right.swapaxes(-1, -2) if a.transpose_right else right
        if isinstance(n, FloatNumbers):
            total = np.zeros(workload.operand("output").shape, np.float32)
            for k in range(left.shape[-1]):
                total += left[..., :, k, None] * right[..., None, k, :]
            return (total,)
        n = cast(BatchMatMulNumbers, n)
        left = left.astype(np.int64) - n.left_zero_point
        right = right.astype(np.int64) - n.right_zero_point
        scaled = multiply_by_quantized_multiplier(left @ right, n.multiplier, n.shift)
        return (np.clip(scaled + n.output_zero_point, INT8_MIN, INT8_MAX).astype(np.int8),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        return workload.operand("output").elements * _depth(workload)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(BatchMatMulAttrs, workload.attrs)
        left, y = workload.operand("input0").shape, workload.operand("output").shape
        # A row of the output reads a row of the left operand, and any of the right.
        in_step = left[:-1] == y[:-1] and not a.transpose_left
        pattern = Elementwise(left[-1]) if in_step else Whole()
        step = y[-1] if in_step else workload.operand("output").elements
        return Access(step, (("input0", pattern), ("input1", Whole())))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(BatchMatMulAttrs, workload.attrs), workload.numbers
        left, right, y = buffers_of(workload)
        batches = [(f"b{i}", extent) for i, extent in enumerate(y.shape[:-2])]
        row = ["k", "i"] if a.transpose_left else ["i", "k"]
        column = ["j", "k"] if a.transpose_right else ["k", "j"]
        first, second = _element(left, batches, row), _element(right, batches, column)
        start: Literal = b.number(0.0)
        value: Expr = Var("acc")
        if not isinstance(n, FloatNumbers):
            n = cast(BatchMatMulNumbers, n)
            start = Literal(0)
            first, second = b.sub(first, n.left_zero_point), b.sub(second, n.right_zero_point)
            scaled = b.call("requantize", Var("acc"), n.multiplier, n.shift)
            value = b.clamp(b.add(scaled, n.output_zero_point), INT8_MIN, INT8_MAX)
        body = b.nest(
            [*batches, ("i", y.shape[-2]), ("j", y.shape[-1])],
            Local("acc", start.dtype, start),
            *b.nest([("k", _depth(workload))], Accumulate("acc", b.mul(first, second))),
            b.store(y, [*(v for v, _ in batches), "i", "j"], value),
        )
        return LoopKernel(self.name, (left, right, y), body)


def _element(operand: Buffer, batches: list[tuple[str, int]], matrix: list[str]) -> Expr:
    """An element of an operand whose dimensions of extent 1 are broadcast."""
    own = operand.shape[:-2]
    outer: list[AffineLike] = [
        0 if extent == 1 else variable
        for extent, (variable, _) in zip(own, batches[len(batches) - len(own) :], strict=True)
    ]
    return b.load(operand, *outer, *matrix)


def _depth(workload: Workload) -> int:
    a = cast(BatchMatMulAttrs, workload.attrs)
    return _swapped(workload.operand("input0").shape, a.transpose_left)[-1]


def _sum_problem(bound: BoundNode, n: BatchMatMulNumbers) -> str | None:
    a = cast(BatchMatMulAttrs, bound.attrs)
    depth = _swapped(bound.inputs[0].shape, a.transpose_left)[-1]
    ends = [INT8_MIN - n.left_zero_point, INT8_MAX - n.left_zero_point]
    others = [INT8_MIN - n.right_zero_point, INT8_MAX - n.right_zero_point]
    products = [depth * x * y for x in ends for y in others]
    low, high = np.array([min(products)]), np.array([max(products)])
    return sum_problem(low, high, np.array([n.shift]), n.output_zero_point)
