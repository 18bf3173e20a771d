"""Running sums along an axis.

``output[k] = sum(input[0 ... k])``; without ``input[k]`` if exclusive, from the end if reversed.

Source: TensorFlow Lite CUMSUM; integers as in TensorFlow Lite Micro's ``reference/cumsum.h``, where
a sum starts with minus the zero point, has 19 more bits and is kept modulo 2^32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Expr, Literal, Local, LoopKernel, Var, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.access import Access, Elementwise
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import INT8_MAX, INT8_MIN, int8_problem
from tinycc_ml.ops.quantized import bounded_multiplier, integers_problem
from tinycc_ml.ops.registry import register

_MORE_BITS = 19


@dataclass(frozen=True, slots=True)
class CumulativeSumAttrs(OpAttrs):
    """The axis is not negative."""

    axis: int
    exclusive: bool = False
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class CumulativeSumNumbers(Numbers):
    """Zero points, and multiplier and shift of sums with 19 more bits."""

    input_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int


@register
class CumulativeSum(OpDef):
    """Input: any shape of rank 1 or more. Output: the same shape."""

    name = "cumulative_sum"
    attrs_type = CumulativeSumAttrs
    summary = "running sums along an axis"
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        axis, shape = cast(CumulativeSumAttrs, attrs).axis, inputs[0].shape
        if not 0 <= axis < len(shape):
            raise UnsupportedError(f"axis {axis} of {shape} does not exist")
        return (shape,)

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
            return Integers(FloatNumbers(), (("input", 0),))
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by check
        real = 2 * x.scale / ((1 << (_MORE_BITS + 1)) * y.scale)
        multiplier = bounded_multiplier(quantize_multiplier(real), bits=30)
        numbers = CumulativeSumNumbers(x.zero_point, y.zero_point, *multiplier)
        return Integers(numbers, (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n, x = cast(CumulativeSumAttrs, workload.attrs), workload.numbers, operands["input"]
        if isinstance(n, FloatNumbers):
            return (_running(x, a, np.float32(0)),)
        n = cast(CumulativeSumNumbers, n)
        centred = x.astype(np.int64) - n.input_zero_point
        sums = _running(centred, a, np.int64(-n.input_zero_point)) << _MORE_BITS
        wrapped = sums.astype(np.uint32).astype(np.int32)
        scaled = multiply_by_quantized_multiplier(wrapped, n.multiplier, n.shift)
        limited = np.clip(scaled + n.output_zero_point, INT8_MIN, INT8_MAX)
        return (limited.astype(np.int8),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        shape = workload.operand("input").shape
        step = prod(shape[cast(CumulativeSumAttrs, workload.attrs).axis :])
        return Access(step, (("input", Elementwise(step)),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(CumulativeSumAttrs, workload.attrs), workload.numbers
        x, y = buffers_of(workload)
        shape = prod(x.shape[: a.axis]), x.shape[a.axis], prod(x.shape[a.axis + 1 :])
        x, y = (replace(buffer, shape=shape) for buffer in (x, y))
        k = affine(shape[1] - 1) - affine("k") if a.reverse else affine("k")
        start, term, value = _arithmetic(n, Var("x"))
        # Read before anything is written: the output may lie over the input.
        read = Local("x", promoted(x.dtype), b.load(x, "o", k, "i"))
        add, store = Accumulate("acc", term), b.store(y, ("o", k, "i"), value)
        body = b.nest(
            [("o", shape[0]), ("i", shape[2])],
            start,
            *b.nest([("k", shape[1])], read, *((store, add) if a.exclusive else (add, store))),
        )
        return LoopKernel(self.name, (x, y), body)


def _arithmetic(numbers: Numbers, x: Expr) -> tuple[Local, Expr, Expr]:
    """The local ``acc``, what an element adds to it, and the output it gives."""
    if isinstance(numbers, FloatNumbers):
        return Local("acc", DType.FLOAT32, b.number(0.0)), x, Var("acc")
    n = cast(CumulativeSumNumbers, numbers)
    start = (-n.input_zero_point << _MORE_BITS) & DType.UINT32.max
    scaled = b.mul(b.sub(x, n.input_zero_point), 1 << _MORE_BITS)
    signed = b.call("as_signed", Var("acc"))
    result = b.add(b.call("requantize", signed, n.multiplier, n.shift), n.output_zero_point)
    return (
        Local("acc", DType.UINT32, Literal(start, DType.UINT32)),
        b.call("modulo_2_32", scaled),
        b.clamp(result, INT8_MIN, INT8_MAX),
    )


def _running(x: Array, attrs: CumulativeSumAttrs, start: np.generic) -> Array:
    x = np.moveaxis(x, attrs.axis, 0)
    x = x[::-1] if attrs.reverse else x
    with_start = np.concatenate([np.full_like(x[:1], start), x])
    sums = np.add.accumulate(with_start, axis=0)
    sums = sums[:-1] if attrs.exclusive else sums[1:]
    return np.moveaxis(sums[::-1] if attrs.reverse else sums, 0, attrs.axis)
