"""Repetition: each dimension so many times over.

``output[i] = input[i mod extent]`` in every dimension. Broadcasting to a larger shape is a special
case: dimensions of extent 1 are repeated.

Source: TensorFlow Lite TILE, BROADCAST_TO; ONNX Tile, Expand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.ops.movement import Movement, Shape, StridedView, dense_strides
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class TileAttrs(OpAttrs):
    """How often each dimension is repeated; positive."""

    repeats: tuple[int, ...]


@register
class Tile(Movement):
    """Input: any shape. Output: each extent times its repetitions."""

    name = "tile"
    attrs_type = TileAttrs
    summary = "repetition along any dimensions; broadcasting"

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        repeats, shape = cast(TileAttrs, attrs).repeats, inputs[0].shape
        if len(repeats) != len(shape) or min(repeats, default=1) < 1:
            raise UnsupportedError(f"repetitions {repeats} of {shape}: allowed from 1, one each")
        return (tuple(r * extent for r, extent in zip(repeats, shape, strict=True)),)

    def move(self, attrs: OpAttrs, x: Array) -> Array:
        """See the base class."""
        return np.tile(x, cast(TileAttrs, attrs).repeats)

    def view(self, attrs: OpAttrs, shape: Shape) -> StridedView:
        """See the base class."""
        extents: list[int] = []
        strides: list[int] = []
        repeats = cast(TileAttrs, attrs).repeats
        for r, extent, stride in zip(repeats, shape, dense_strides(shape), strict=True):
            extents += [r, extent]
            strides += [0, stride]
        return StridedView(tuple(extents), tuple(strides))
