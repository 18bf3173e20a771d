"""Enlarging or shrinking an image with bilinear interpolation.

Each output pixel is the weighted sum of four input pixels; weights are multiples of 1/1024 in each
direction. Where the four lie, and with which weights, is a table per row and per column.

Source: TensorFlow Lite RESIZE_BILINEAR; integers as in ``ResizeBilinearInteger`` of
``reference/resize_bilinear.h``.
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
    """Of each output row (or column), the two input rows, and the second's weight of 1024."""

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


@register
class ResizeBilinear(OpDef):
    """Input: NHWC. Output: NHWC of another height and width, quantized alike."""

    name = "resize_bilinear"
    attrs_type = ResizeBilinearAttrs
    summary = "resizing with bilinear interpolation"

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
        for extent, size in zip(x.shape[1:3], a.size, strict=True):
            taps = _taps(extent, size, a)
            if taps.lower.max() >= extent:
                return f"{size} pixels of {extent} lie outside by the library's rounding"
        return same_quantization_problem(x, bound.outputs[0])

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class; places are offsets of elements."""
        a = cast(ResizeBilinearAttrs, bound.attrs)
        _, height, width, channels = bound.inputs[0].shape
        constants: list[tuple[str, Constant]] = []
        for which, taps, stride in (
            ("row", _taps(height, a.size[0], a), width * channels),
            ("column", _taps(width, a.size[1], a), channels),
        ):
            constants += [
                (f"{which}_lower", Constant((taps.lower * stride).astype(np.int32))),
                (f"{which}_upper", Constant((taps.upper * stride).astype(np.int32))),
                (f"{which}_weight", Constant(taps.weight.astype(np.int16))),
            ]
        return Integers(Numbers(), (("input", 0),), tuple(constants))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, x = cast(ResizeBilinearAttrs, workload.attrs), operands["input"].astype(np.int64)
        rows, columns = (_taps(e, s, a) for e, s in zip(x.shape[1:3], a.size, strict=True))
        wy, wx = rows.weight[:, np.newaxis, np.newaxis], columns.weight[:, np.newaxis]
        lower = x[:, rows.lower] * (_ONE - wy) + x[:, rows.upper] * wy
        total = lower[:, :, columns.lower] * (_ONE - wx) + lower[:, :, columns.upper] * wx
        return (rounding_divide_by_pot(total, 2 * _ONE_BITS).astype(np.int8),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(ResizeBilinearAttrs, workload.attrs)
        _, height, width, channels = workload.operand("input").shape
        rows = _taps(height, a.size[0], a)
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
            weight = b.mul(
                wy if row is row_upper else b.sub(_ONE, wy),
                wx if column is column_upper else b.sub(_ONE, wx),
            )
            corners.append(Local(name, DType.INT32, place))
            corners.append(Local(f"{name}_weight", DType.INT32, weight))
            pixel = Lookup(flat.name, b.add(Var(name), Var("channel")))
            terms.append(b.mul(pixel, Var(f"{name}_weight")))
        total = b.add(b.add(terms[0], terms[1]), b.add(terms[2], terms[3]))
        value = b.call("rounding_divide_by_pot", total, 2 * _ONE_BITS)
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
