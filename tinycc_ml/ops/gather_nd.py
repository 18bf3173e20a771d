"""Slices at tuples of indices that are computed at run time.

``output[j] = input[indices[j, 0], indices[j, 1], ...]``. Indices outside the input are brought to
its nearest end (the library stops there).

Source: TensorFlow Lite GATHER_ND.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Expr, Literal, Local, Lookup, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.movement import ANY_DTYPE, dense_strides, moved_problem
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@register
class GatherNd(OpDef):
    """Inputs: data, and int32 indices (..., N). Output: a slice of the data for each tuple."""

    name = "gather_nd"
    summary = "slices at tuples of indices of run time"
    dtypes = ANY_DTYPE

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        shape, indices = (type_.shape for type_ in inputs)
        if not indices or not 1 <= indices[-1] <= len(shape):
            raise UnsupportedError(f"indices {indices} of {shape}: a tuple names 1 ... all axes")
        return ((*indices[:-1], *shape[indices[-1] :]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        allowed = tuple(DType(name) for name in self.dtypes)
        return dtype_problem("indices", bound.inputs[1], DType.INT32) or moved_problem(
            bound.inputs[0], bound.outputs[0], allowed
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0), ("indices", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        x, indices = operands["input"], operands["indices"]
        highest = np.array(x.shape[: indices.shape[-1]]) - 1
        chosen = np.clip(indices, 0, highest)
        return (np.asarray(x[tuple(np.moveaxis(chosen, -1, 0))], order="C"),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        elements = workload.operand("output").elements
        return Access(elements, (("input", Whole()), ("indices", Whole())))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        x, indices, y = buffers_of(workload)
        axes = indices.shape[-1]
        tuples, run = indices.elements // axes, prod(x.shape[axes:])
        flat = replace(x, shape=(x.elements,))
        rows = replace(indices, shape=(tuples, axes))
        output = replace(y, shape=(tuples, run))
        place: Expr = b.value(0)
        for axis, stride in enumerate(dense_strides(x.shape)[:axes]):
            index = b.clamp(b.load(rows, "j", axis), 0, x.shape[axis] - 1)
            place = b.mul(index, stride) if axis == 0 else b.add(place, b.mul(index, stride))
        body = b.nest(
            [("j", tuples)],
            Local("at", DType.INT32, place),
            *b.nest(
                [("i", run)],
                b.store(output, ["j", "i"], Lookup(flat.name, Var("at"))),
                Accumulate("at", Literal(1)),
            ),
        )
        return LoopKernel(self.name, (flat, rows, output), body)
