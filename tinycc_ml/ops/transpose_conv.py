"""Transposed convolution: each input pixel adds a scaled filter to a window of the output.

``output[y, x, o] = act(bias[o] + sum(input[i, j, c] * weight[o, ky, kx, c]))`` over all ``i, ky``
with ``i * stride + ky - top = y``, and columns alike; NHWC activations and OHWI weights.

Computed by output pixel: rows of equal remainder modulo the stride read the same taps, so there is
one loop body for each remainder, and no sums have to be kept.

Source: TensorFlow Lite TRANSPOSE_CONV; integers as in TensorFlow Lite Micro's
``reference_integer_ops::TransposeConv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Affine, Buffer, Local, LoopKernel, Stmt, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Pattern, Spans
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload, buffers_of
from tinycc_ml.ops.convolution import (
    WeightedLayer,
    accumulation,
    check_convolution,
    finish,
    input_zero,
    integerize_convolution,
    tap_conditions,
    weight_of,
)
from tinycc_ml.ops.floats import FloatNumbers
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class TransposeConvAttrs(OpAttrs):
    """Stride and output size are (vertical, horizontal).

    `top` and `left` are the rows and columns that the first window reaches outside the output.
    """

    stride: tuple[int, int]
    size: tuple[int, int]
    top: int = 0
    left: int = 0
    activation: Activation = Activation.NONE


@dataclass(frozen=True, slots=True)
class _Phase:
    """Output rows (or columns) ``stride * turn + remainder``, which have their taps in common.

    Attributes:
        remainder: Which of the rows.
        first_tap: The first of the taps, which are the stride apart.
        taps: How many they are.
        first_input: The input row that the first tap reads in turn 0; the next reads the one
            before it.
    """

    remainder: int
    first_tap: int
    taps: int
    first_input: int

    def tap(self, variable: str, stride: int) -> Affine:
        """The tap in a turn of the loop over them; the last comes first, as inputs ascend."""
        return affine(variable) * -stride + self.first_tap + (self.taps - 1) * stride

    def input(self, turn: str, variable: str) -> Affine:
        """The input row under it."""
        return affine(turn) + affine(variable) + self.first_input - (self.taps - 1)


def _phases(stride: int, kernel: int, padding: int) -> list[_Phase]:
    result = []
    for remainder in range(stride):
        first_input, first_tap = divmod(remainder + padding, stride)
        taps = max(0, -(-(kernel - first_tap) // stride))
        result.append(_Phase(remainder, first_tap, taps, first_input))
    return result


def _layer(bound: BoundNode) -> WeightedLayer:
    # Sums at the borders have fewer terms: the zero point cannot be folded into one bias.
    a = cast(TransposeConvAttrs, bound.attrs)
    return WeightedLayer(a.activation, channel_axis=0, fold_zero_point=False)


@register
class TransposeConv(OpDef):
    """Inputs: input NHWC, weight OHWI, bias (O,). Output: NHWC, of the size of the attributes."""

    name = "transpose_conv"
    attrs_type = TransposeConvAttrs
    summary = "transposed 2-D convolution, any kernel, stride and padding; fused activation"
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(TransposeConvAttrs, attrs)
        x, w, bias = (t.shape for t in inputs)
        if len(x) != 4 or len(w) != 4 or 0 in w or w[3] != x[3] or bias != (w[0],):
            raise UnsupportedError(
                f"input {x}, weight {w}, bias {bias}: expected NHWC, OHWI with as many input "
                "channels, and one bias per filter"
            )
        if min(*a.stride, *a.size) < 1 or min(a.top, a.left) < 0:
            raise UnsupportedError(
                f"stride {a.stride}, output size {a.size}, padding {a.top} and {a.left}: "
                "allowed are positive strides and sizes, and padding from 0"
            )
        return ((x[0], *a.size, w[0]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if bound.inputs[0].shape[0] != 1:
            return f"batch {bound.inputs[0].shape[0]}; allowed 1"
        return check_convolution(bound, _layer(bound))

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        numbers, constants = integerize_convolution(bound, _layer(bound))
        return Integers(numbers, (("input", 0),), constants)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, zero = cast(TransposeConvAttrs, workload.attrs), input_zero(workload)
        x = operands["input"] - np.int16(zero) if zero else operands["input"]
        w = weight_of(workload, operands)
        _, height, width, _ = x.shape
        out_c, kh, kw, _ = w.shape
        # Scattered to a field that holds every window, then cut to the output.
        rows = max((height - 1) * a.stride[0] + kh, a.top + a.size[0])
        columns = max((width - 1) * a.stride[1] + kw, a.left + a.size[1])
        is_float = isinstance(workload.numbers, FloatNumbers)
        field = np.zeros((1, rows, columns, out_c), np.float32 if is_float else np.int64)
        # Backwards, so that inputs ascend for each output; channel by channel for floats.
        for ky in reversed(range(kh)):
            for kx in reversed(range(kw)):
                rows_of = slice(ky, ky + height * a.stride[0], a.stride[0])
                columns_of = slice(kx, kx + width * a.stride[1], a.stride[1])
                place = field[:, rows_of, columns_of][:, :height, :width]
                for ic in range(x.shape[3]):
                    place += x[..., ic, np.newaxis].astype(field.dtype) * w[:, ky, kx, ic]
        products = field[:, a.top : a.top + a.size[0], a.left : a.left + a.size[1]]
        return (finish(products, workload, operands),)

    def macs(self, workload: Workload) -> int:
        """See the base class."""
        out_c, kh, kw, _ = workload.operand("weight").shape
        return workload.operand("input").elements * kh * kw * out_c

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(TransposeConvAttrs, workload.attrs)
        x, y = workload.operand("input").shape, workload.operand("output").shape
        phases = _phases(a.stride[0], workload.operand("weight").shape[1], a.top)
        spans = []
        for row in range(y[1]):
            phase = phases[row % a.stride[0]]
            last = row // a.stride[0] + phase.first_input
            first, end = max(last - phase.taps + 1, 0), min(last + 1, x[1])
            spans.append((first * x[2] * x[3], max(first, end) * x[2] * x[3]))
        pattern: Pattern = Spans(tuple(spans))
        return Access(y[2] * y[3], (("input", pattern),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a = cast(TransposeConvAttrs, workload.attrs)
        buffers = buffers_of(workload)
        w, y = buffers[1], buffers[-1]
        _, out_h, out_w, _ = y.shape
        _, kh, kw, _ = w.shape
        body: list[Stmt] = []
        turns = -(-out_h // a.stride[0]), -(-out_w // a.stride[1])
        for row in _phases(a.stride[0], kh, a.top):
            columns: list[Stmt] = []
            oy = affine("ty") * a.stride[0] + row.remainder
            turn = f"tx{row.remainder}"
            for column in _phases(a.stride[1], kw, a.left):
                ox = affine(turn) * a.stride[1] + column.remainder
                pixel = _pixel(workload, buffers, (row, column), ("ty", turn), turns, (oy, ox))
                columns += b.when(tap_conditions(ox, {turn: turns[1]}, out_w), *pixel)
            guard = tap_conditions(oy, {"ty": turns[0]}, out_h)
            body += b.when(guard, *b.nest([(turn, turns[1])], *columns))
        return LoopKernel("transpose_conv", buffers, b.nest([("ty", turns[0])], *body))


def _pixel(
    workload: Workload,
    buffers: tuple[Buffer, ...],
    phases: tuple[_Phase, _Phase],
    variables: tuple[str, str],
    turns: tuple[int, int],
    output: tuple[Affine, Affine],
) -> tuple[Stmt, ...]:
    """All channels of one output pixel."""
    a = cast(TransposeConvAttrs, workload.attrs)
    x, w, y = buffers[0], buffers[1], buffers[-1]
    _, height, width, in_c = x.shape
    row, column = phases
    suffix = f"{row.remainder}_{column.remainder}"
    oc, ic, ky, kx, acc = (f"{name}{suffix}" for name in ("oc", "ic", "ky", "kx", "acc"))
    sums = accumulation(workload, acc)
    extents = {variables[0]: turns[0], variables[1]: turns[1], ky: row.taps, kx: column.taps}
    iy, ix = row.input(variables[0], ky), column.input(variables[1], kx)
    tap_y, tap_x = row.tap(ky, a.stride[0]), column.tap(kx, a.stride[1])
    taps: tuple[Stmt, ...] = ()
    if row.taps and column.taps:
        factor = sums.factor(b.load(x, 0, iy, ix, ic))
        product = b.mul(factor, b.load(w, oc, tap_y, tap_x, ic))
        taps = b.nest([(ic, in_c)], Accumulate(acc, product))
        taps = b.nest([(kx, column.taps)], *b.when(tap_conditions(ix, extents, width), *taps))
        taps = b.nest([(ky, row.taps)], *b.when(tap_conditions(iy, extents, height), *taps))
    return b.nest(
        [(oc, y.shape[3])],
        Local(acc, sums.dtype, sums.start(oc)),
        *taps,
        b.store(y, (0, *output, oc), sums.output(oc)),
    )
