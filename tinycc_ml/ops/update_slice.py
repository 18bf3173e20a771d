"""A tensor with a part of it replaced, at a place that is computed at run time.

``output = input, but output[start ... start + extents of update] = update``. A place at which the
update would not fit is brought to the nearest one where it does.

Source: TensorFlow Lite DYNAMIC_UPDATE_SLICE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import (
    Accumulate,
    Binary,
    Buffer,
    Cast,
    Compare,
    Expr,
    Literal,
    Local,
    Lookup,
    LoopKernel,
    Select,
    Stmt,
    Var,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Elementwise, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.movement import ANY_DTYPE, moved_problem
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@register
class UpdateSlice(OpDef):
    """Inputs: data, update of the same rank, and as many int32 or int64 starts. Output: data's."""

    name = "update_slice"
    summary = "a part replaced at a place of run time"
    dtypes = ANY_DTYPE

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        shape, update, start = (type_.shape for type_ in inputs)
        fits = len(update) == len(shape) and all(u <= e for u, e in zip(update, shape, strict=True))
        if not fits or not shape or start != (len(shape),):
            raise UnsupportedError(f"update {update} at {start} numbers, of {shape}")
        return (shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, update, start = bound.inputs
        allowed = tuple(DType(name) for name in self.dtypes)
        return (
            dtype_problem("start", start, DType.INT32, DType.INT64)
            or moved_problem(x, bound.outputs[0], allowed)
            or moved_problem(update, bound.outputs[0], allowed)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0), ("update", 1), ("start", 2)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        result, update = operands["input"].copy(), operands["update"]
        first = np.clip(operands["start"], 0, np.subtract(result.shape, update.shape))
        result[tuple(slice(f, f + u) for f, u in zip(first, update.shape, strict=True))] = update
        return (result,)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        patterns = (("input", Elementwise(1)), ("update", Whole()), ("start", Whole()))
        return Access(1, patterns, reads_first=True)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        x, update, start, y = buffers_of(workload)
        flat = replace(update, shape=(update.elements,))
        loops = [f"i{d}" for d in range(len(x.shape))]
        # The elements of the update come in their order; the last one is read again behind it.
        at = Binary("min", Var("at"), b.value(update.elements - 1))
        kept = b.load(x, *loops)
        body: tuple[Stmt, ...] = (
            Local("inside", DType.INT32, _inside(x.shape, update.shape)),
            b.store(y, loops, Select(Var("inside"), Lookup(flat.name, at), kept)),
            Accumulate("at", Var("inside")),
        )
        for d in reversed(range(len(loops))):
            if x.shape[d] != update.shape[d]:
                first = b.sub(0, _start(start, d, x.shape[d] - update.shape[d]))
                count: Stmt = Accumulate(f"from{d}", Literal(1))
                body = (
                    Local(f"from{d}", DType.INT32, first),
                    *b.nest([(loops[d], x.shape[d])], *body, count),
                )
            else:
                body = b.nest([(loops[d], x.shape[d])], *body)
        at_start = Local("at", DType.INT32, Literal(0))
        return LoopKernel(self.name, (x, flat, start, y), (at_start, *body))


def _inside(shape: Sequence[int], update: Sequence[int]) -> Expr:
    """Whether an element is replaced, of its distances from the start."""
    result: Expr | None = None
    for d, (extent, part) in enumerate(zip(shape, update, strict=True)):
        if extent == part:
            continue
        distance = Var(f"from{d}")
        here = b.mul(Compare(">=", distance, b.value(0)), Compare("<", distance, b.value(part)))
        result = here if result is None else b.mul(result, here)
    return b.value(1) if result is None else result


def _start(start: Buffer, axis: int, highest: int) -> Expr:
    """Where the update starts, as int32."""
    number = b.load(start, axis)
    if start.dtype is DType.INT32:
        return b.clamp(number, 0, highest)
    low, high = (Literal(limit, DType.INT64) for limit in (0, highest))
    return Cast(DType.INT32, Binary("min", Binary("max", number, low), high))
