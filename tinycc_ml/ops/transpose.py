"""Dimensions in another order.

``output[i[p[0]], i[p[1]], ...] = input[i[0], i[1], ...]`` for the permutation ``p``.

Source: TensorFlow Lite TRANSPOSE, ONNX Transpose.
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
class TransposeAttrs(OpAttrs):
    """Dimension ``i`` of the output is dimension ``permutation[i]`` of the input."""

    permutation: tuple[int, ...]


@register
class Transpose(Movement):
    """Input: any shape. Output: its extents in another order."""

    name = "transpose"
    attrs_type = TransposeAttrs
    summary = "dimensions in another order"

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        permutation, shape = cast(TransposeAttrs, attrs).permutation, inputs[0].shape
        if sorted(permutation) != list(range(len(shape))):
            raise UnsupportedError(f"{permutation} is no order of the dimensions of {shape}")
        return (tuple(shape[i] for i in permutation),)

    def move(self, attrs: OpAttrs, x: Array) -> Array:
        """See the base class."""
        return x.transpose(cast(TransposeAttrs, attrs).permutation)

    def view(self, attrs: OpAttrs, shape: Shape) -> StridedView:
        """See the base class."""
        permutation, strides = cast(TransposeAttrs, attrs).permutation, dense_strides(shape)
        return StridedView(
            tuple(shape[i] for i in permutation), tuple(strides[i] for i in permutation)
        )
