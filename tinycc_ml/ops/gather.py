"""Elements along an axis by indices that are computed at run time.

``output[o, j, i] = input[o, indices[j], i]``. Indices outside the input are brought to its nearest
end (the library stops there; ONNX's negative ones are added before).

Source: TensorFlow Lite GATHER, EMBEDDING_LOOKUP; ONNX Gather.
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
from tinycc_ml.loopir import Accumulate, Literal, Local, Lookup, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.movement import ANY_DTYPE, moved_problem
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class GatherAttrs(OpAttrs):
    """The axis of the input, not negative."""

    axis: int = 0


@register
class Gather(OpDef):
    """Inputs: data, and int32 indices of any shape. Output: the indices' shape for the axis."""

    name = "gather"
    attrs_type = GatherAttrs
    summary = "elements along an axis by indices of run time"
    dtypes = ANY_DTYPE

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        axis, shape = cast(GatherAttrs, attrs).axis, inputs[0].shape
        if not 0 <= axis < len(shape):
            raise UnsupportedError(f"axis {axis} of {shape} does not exist")
        return ((*shape[:axis], *inputs[1].shape, *shape[axis + 1 :]),)

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
        axis = cast(GatherAttrs, workload.attrs).axis
        return (np.take(operands["input"], operands["indices"], axis, mode="clip"),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        elements = workload.operand("output").elements
        return Access(elements, (("input", Whole()), ("indices", Whole())))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        axis = cast(GatherAttrs, workload.attrs).axis
        x, indices, y = buffers_of(workload)
        outer, extent, run = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
        flat = replace(x, shape=(x.elements,))
        indices = replace(indices, shape=(indices.elements,))
        output = replace(y, shape=(outer, indices.elements, run))
        index = b.clamp(b.load(indices, "j"), 0, extent - 1)
        at, base = Var("at"), Var("base")
        body = b.nest(
            [("o", outer)],
            *b.nest(
                [("j", indices.elements)],
                Local(at.name, DType.INT32, b.add(base, b.mul(index, run))),
                *b.nest(
                    [("i", run)],
                    b.store(output, ["o", "j", "i"], Lookup(flat.name, at)),
                    Accumulate(at.name, Literal(1)),
                ),
            ),
            Accumulate(base.name, Literal(extent * run)),
        )
        start = Local(base.name, DType.INT32, Literal(0))
        return LoopKernel(self.name, (flat, indices, output), (start, *body))
