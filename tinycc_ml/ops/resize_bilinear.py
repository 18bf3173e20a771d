"""Enlarging or shrinking an image with bilinear interpolation.

Each output pixel is the weighted sum of four input pixels; of integers, weights are multiples of
1/1024 in each direction. Where the four lie, and with which weights, is a table per row and per
column.

Source: TensorFlow Lite RESIZE_BILINEAR; integers as in ``ResizeBilinearInteger`` of
``reference/resize_bilinear.h``, floats as in ``ResizeBilinear``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, OpAttrs, TensorType
from tinycc_ml.loopir import (
    Accumulate,
    Expr,
    Literal,
    Local,
    Lookup,
    LoopKernel,
    Stmt,
    Var,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import rounding_divide_by_pot
from tinycc_ml.ops.access import Access, Spans
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import same_quantization_problem
from tinycc_ml.ops.registry import register

_ONE_BITS = 10
_ONE = 1 << _ONE_BITS


@dataclass(frozen=True, slots=True)
class ResizeBilinearAttrs(OpAttrs):
    """Height and width of the output, and where its pixels lie on the input.

    By default pixel ``i`` lies at ``i * input / output``.

    Attributes:
        size: Height and width.
        align_corners: Whether the first and the last pixels of both coincide.
        half_pixel_centers: Whether the centres of the pixels count, not their corners.
    """

    size: tuple[int, int]
    align_corners: bool = False
    half_pixel_centers: bool = False


@dataclass(frozen=True, slots=True)
class _Taps:
    """Of each output row (or column), the two input rows, and the second's weight.

    The weight is a part of 1024 in integers, of 1 in float32.
    """

    lower: Array
    upper: Array
    weight: Array


def _taps(extent: int, size: int, attrs: ResizeBilinearAttrs) -> _Taps:
    scale = (_ONE * extent + size // 2) // size
    if attrs.align_corners and size > 1:
        scale = (_ONE * (extent - 1) + (size - 1) // 2) // (size - 1)
    place = np.arange(size, dtype=np.int64) * scale
    if attrs.half_pixel_centers:
        place += scale // 2 - _ONE // 2
    # Places are at least -512, so that C's truncation differs from a floor only where 0 wins.
    lower = np.maximum(place // _ONE, 0)
    upper = np.minimum((place + _ONE - 1) // _ONE, extent - 1)
    return _Taps(lower, upper, place - lower * _ONE)


def _float_taps(extent: int, size: int, attrs: ResizeBilinearAttrs) -> _Taps:
    cut = 1 if attrs.align_corners and size > 1 else 0
    scale = np.float32(extent - cut) / np.float32(size - cut)
    half = np.float32(0.5 if attrs.half_pixel_centers else 0)
    place = (np.arange(size).astype(np.float32) + half) * scale - half
    lower = np.maximum(np.floor(place), 0).astype(np.int64)
    upper = np.minimum(np.ceil(place), extent - 1).astype(np.int64)
    return _Taps(lower, upper, place - lower.astype(np.float32))


def _all_taps(shape: tuple[int, ...], attrs: ResizeBilinearAttrs, dtype: DType) -> list[_Taps]:
    """Those of the rows and those of the columns."""
    taps = _float_taps if dtype is DType.FLOAT32 else _taps
    return [taps(extent, size, attrs) for extent, size in zip(shape[1:3], attrs.size, strict=True)]


@register
class ResizeBilinear(OpDef):
    """Input: NHWC. Output: NHWC of another height and width, quantized alike."""

    name = "resize_bilinear"
    attrs_type = ResizeBilinearAttrs
    summary = "resizing with bilinear interpolation"
    dtypes = ("int8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a, shape = cast(ResizeBilinearAttrs, attrs), inputs[0].shape
        if len(shape) != 4 or min(a.size) < 1 or (a.align_corners and a.half_pixel_centers):
            raise UnsupportedError(
                f"{shape} to {a.size}: allowed are four dimensions, positive sizes, and corners "
                "or centres, not both"
            )
        return ((shape[0], *a.size, shape[3]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, a = bound.inputs[0], cast(ResizeBilinearAttrs, bound.attrs)
        if x.shape[0] != 1:
            return f"batch {x.shape[0]}; allowed 1"
        for extent, taps in zip(x.shape[1:3], _all_taps(x.shape, a, x.dtype), strict=True):
            if taps.lower.max() >= extent:
                size = len(taps.lower)
                return f"{size} pixels of {extent} lie outside by the library's rounding"
        if is_float(bound):
            return float_problem(bound)
        return same_quantization_problem(x, bound.outputs[0])

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class; places are offsets of elements."""
        a = cast(ResizeBilinearAttrs, bound.attrs)
        x = bound.inputs[0]
        _, _, width, channels = x.shape
        rows, columns = _all_taps(x.shape, a, x.dtype)
        weights = np.float32 if is_float(bound) else np.int16
        constants: list[tuple[str, Constant]] = []
        for which, taps, stride in (
            ("row", rows, width * channels),
            ("column", columns, channels),
        ):
            constants += [
                (f"{which}_lower", Constant((taps.lower * stride).astype(np.int32))),
                (f"{which}_upper", Constant((taps.upper * stride).astype(np.int32))),
                (f"{which}_weight", Constant(taps.weight.astype(weights))),
            ]
        numbers = FloatNumbers() if is_float(bound) else Numbers()
        return Integers(numbers, (("input", 0),), tuple(constants))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, x = cast(ResizeBilinearAttrs, workload.attrs), operands["input"]
        rows, columns = _all_taps(x.shape, a, workload.operand("input").dtype)
        if isinstance(workload.numbers, FloatNumbers):
            return (_float_resized(x, rows, columns),)
        x = x.astype(np.int64)
        wy, wx = rows.weight[:, np.newaxis, np.newaxis], columns.weight[:, np.newaxis]
        lower = x[:, rows.lower] * (_ONE - wy) + x[:, rows.upper] * wy
        total = lower[:, :, columns.lower] * (_ONE - wx) + lower[:, :, columns.upper] * wx
        return (rounding_divide_by_pot(total, 2 * _ONE_BITS).astype(np.int8),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(ResizeBilinearAttrs, workload.attrs)
        _, height, width, channels = workload.operand("input").shape
        rows, _ = _all_taps((1, height, width), a, workload.operand("input").dtype)
        row = width * channels
        spans = tuple(
            (int(min(pair)) * row, (int(max(pair)) + 1) * row)
            for pair in zip(rows.lower, rows.upper, strict=True)
        )
        return Access(a.size[1] * channels, (("input", Spans(spans)),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        x, *tables, y = buffers_of(workload)
        row_lower, row_upper, row_weight, column_lower, column_upper, column_weight = tables
        flat = replace(x, shape=(x.elements,))
        _, height, width, channels = y.shape
        is_real = isinstance(workload.numbers, FloatNumbers)
        one = b.number(1.0) if is_real else Literal(_ONE)
        corners: list[Stmt] = []
        terms: list[Expr] = []
        # The weights of a row are 1024 less the second's, and the second's; columns alike.
        for name, row, column in (
            ("upper_left", row_lower, column_lower),
            ("lower_left", row_upper, column_lower),
            ("upper_right", row_lower, column_upper),
            ("lower_right", row_upper, column_upper),
        ):
            place = b.add(b.load(row, "oy"), b.load(column, "ox"))
            wy, wx = b.load(row_weight, "oy"), b.load(column_weight, "ox")
            vertical = wy if row is row_upper else b.sub(one, wy)
            horizontal = wx if column is column_upper else b.sub(one, wx)
            corners.append(Local(name, DType.INT32, place))
            pixel = Lookup(flat.name, b.add(Var(name), Var("channel")))
            if is_real:
                # Rounded after each product, as the library does.
                terms.append(b.mul(b.mul(pixel, vertical), horizontal))
                continue
            weight = Var(f"{name}_weight")
            corners.append(Local(weight.name, DType.INT32, b.mul(vertical, horizontal)))
            terms.append(b.mul(pixel, weight))
        total = b.add(b.add(b.add(terms[0], terms[1]), terms[2]), terms[3])
        value = total if is_real else b.call("rounding_divide_by_pot", total, 2 * _ONE_BITS)
        body = b.nest(
            [("oy", height), ("ox", width)],
            *corners,
            Local("channel", DType.INT32, Literal(0)),
            *b.nest(
                [("c", channels)],
                b.store(y, (0, "oy", "ox", "c"), value),
                Accumulate("channel", Literal(1)),
            ),
        )
        return LoopKernel(self.name, (flat, *tables, y), body)


def _float_resized(x: Array, rows: _Taps, columns: _Taps) -> Array:
    one = np.float32(1)
    wy, wx = rows.weight[:, np.newaxis, np.newaxis], columns.weight[:, np.newaxis]
    total = x[:, rows.lower][:, :, columns.lower] * (one - wy) * (one - wx)
    total = total + x[:, rows.upper][:, :, columns.lower] * wy * (one - wx)
    total = total + x[:, rows.lower][:, :, columns.upper] * (one - wy) * wx
    resized: Array = total + x[:, rows.upper][:, :, columns.upper] * wy * wx
    return resized
