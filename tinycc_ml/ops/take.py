"""Elements of any constant choice along each dimension.

``output[i, j, ...] = input[indices0[i], indices1[j], ...]``. Enlarging to the nearest neighbour and
padding by mirroring are such choices.

Source: TensorFlow Lite GATHER, RESIZE_NEAREST_NEIGHBOR, MIRROR_PAD; ONNX Gather, Resize, Pad.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Expr, Literal, Local, Lookup, LoopKernel, Stmt, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.movement import ANY_DTYPE, dense_strides, gathered_access, moved_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class TakeAttrs(OpAttrs):
    """For each dimension the indices to take; ``None`` for all of them in order."""

    indices: tuple[tuple[int, ...] | None, ...]


@register
class Take(OpDef):
    """Input: any shape. Output: per dimension as many elements as indices."""

    name = "take"
    attrs_type = TakeAttrs
    summary = "elements at constant indices along any dimensions"
    dtypes = ANY_DTYPE

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        indices, shape = cast(TakeAttrs, attrs).indices, inputs[0].shape
        if len(indices) != len(shape):
            raise UnsupportedError(f"indices for {len(indices)} dimensions of {shape}")
        for chosen, extent in zip(indices, shape, strict=True):
            if chosen is not None and (not chosen or not 0 <= min(chosen) <= max(chosen) < extent):
                raise UnsupportedError(f"indices {chosen} of {extent}: allowed 0 ... {extent - 1}")
        return (tuple(e if i is None else len(i) for i, e in zip(indices, shape, strict=True)),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        return moved_problem(x, y, tuple(DType(name) for name in self.dtypes))

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class; the constants are offsets of elements, one table per dimension."""
        indices, shape = cast(TakeAttrs, bound.attrs).indices, bound.inputs[0].shape
        tables: list[tuple[str, Constant]] = []
        for i in _table_dimensions(indices, shape):
            offsets = np.array(_all(indices[i], shape[i])) * dense_strides(shape)[i]
            tables.append((f"offsets{i}", Constant(offsets.astype(np.int32))))
        return Integers(Numbers(), (("input", 0),), tuple(tables))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return (_taken(operands["input"], cast(TakeAttrs, workload.attrs).indices),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        x = workload.operand("input")
        places = np.arange(x.elements).reshape(x.shape)
        sources = _taken(places, cast(TakeAttrs, workload.attrs).indices)
        return gathered_access(sources, workload.operand("output").shape)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        x, *tables, y = buffers_of(workload)
        flat = replace(x, shape=(x.elements,))
        # Dimensions behind the last choice lie together: one loop that counts.
        run = y.elements // prod(table.elements for table in tables)
        place: Expr = Literal(0)
        loops: list[tuple[str, int]] = []
        for n, table in enumerate(tables):
            loops.append((f"i{n}", table.elements))
            offset = b.load(table, f"i{n}")
            place = offset if n == 0 else b.add(place, offset)
        output = replace(y, shape=(*(extent for _, extent in loops), run))
        at = Var("at")
        store = b.store(output, [*(v for v, _ in loops), "c"], Lookup(flat.name, at))
        inner: tuple[Stmt, ...] = b.nest([("c", run)], store, Accumulate(at.name, Literal(1)))
        body = b.nest(loops, Local(at.name, DType.INT32, place), *inner)
        return LoopKernel(self.name, (flat, *tables, output), body)


def nearest_indices(
    extent: int, size: int, align_corners: bool, half_pixel_centers: bool
) -> tuple[int, ...]:
    """Which element is the nearest to each of another number of elements.

    Source: ``GetNearestNeighbor`` of TensorFlow Lite's ``reference/resize_nearest_neighbor.h``; in
    float32.
    """
    f = np.float32
    cut = 1 if align_corners and size > 1 else 0
    scale = f(extent - cut) / f(size - cut)
    places = (np.arange(size).astype(f) + f(0.5 if half_pixel_centers else 0)) * scale
    rounded = np.floor(places.astype(np.float64) + 0.5) if align_corners else np.floor(places)
    return tuple(np.clip(rounded, 0, extent - 1).astype(int).tolist())


def _all(indices: tuple[int, ...] | None, extent: int) -> tuple[int, ...]:
    return tuple(range(extent)) if indices is None else indices


def _table_dimensions(
    indices: tuple[tuple[int, ...] | None, ...], shape: tuple[int, ...]
) -> list[int]:
    """Dimensions that need a table: up to the last where there is a choice, if they are long."""
    last = max((i for i, chosen in enumerate(indices) if chosen is not None), default=-1)
    return [i for i in range(last + 1) if indices[i] is not None or shape[i] > 1]


def _taken(x: Array, indices: tuple[tuple[int, ...] | None, ...]) -> Array:
    for axis, chosen in enumerate(indices):
        if chosen is not None:
            x = x.take(chosen, axis)
    return x
