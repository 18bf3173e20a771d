"""A part of a tensor: in each dimension some elements at equal distances.

``output[i] = input[begin + i * stride]`` in every dimension. Strides may be negative, so that
reversing a dimension is a slice, too.

Source: TensorFlow Lite SLICE, STRIDED_SLICE, SPLIT, SPLIT_V, UNPACK, REVERSE_V2; ONNX Slice, Split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.ops.movement import Movement, Shape, StridedView, dense_strides
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class SliceAttrs(OpAttrs):
    """First element, number of elements and distance between them, one of each per dimension."""

    begin: tuple[int, ...]
    size: tuple[int, ...]
    stride: tuple[int, ...]


@register
class Slice(Movement):
    """Input: any shape. Output: as many dimensions."""

    name = "slice"
    attrs_type = SliceAttrs
    summary = "part of a tensor, any strides"

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a, shape = cast(SliceAttrs, attrs), inputs[0].shape
        if not len(a.begin) == len(a.size) == len(a.stride) == len(shape):
            raise UnsupportedError(f"slice in {len(a.begin)} dimensions of {shape}")
        for begin, size, stride, extent in zip(a.begin, a.size, a.stride, shape, strict=True):
            last = begin + (size - 1) * stride
            if size < 1 or not (0 <= begin < extent and 0 <= last < extent):
                raise UnsupportedError(
                    f"{size} elements from {begin} with stride {stride} of {extent}: "
                    "allowed are parts that lie inside and are not empty"
                )
        return (a.size,)

    def move(self, attrs: OpAttrs, x: Array) -> Array:
        """See the base class."""
        a = cast(SliceAttrs, attrs)
        for axis, (begin, size, stride) in enumerate(zip(a.begin, a.size, a.stride, strict=True)):
            x = x.take(range(begin, begin + size * stride, stride) if stride else [begin], axis)
        return x

    def view(self, attrs: OpAttrs, shape: Shape) -> StridedView:
        """See the base class."""
        a, dense = cast(SliceAttrs, attrs), dense_strides(shape)
        offset = sum(begin * stride for begin, stride in zip(a.begin, dense, strict=True))
        strides = tuple(s * d for s, d in zip(a.stride, dense, strict=True))
        return StridedView(a.size, strides, offset)
