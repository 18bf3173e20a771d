"""Where along an axis the largest or smallest element is; the first of several.

Source: TensorFlow Lite ARG_MAX, ARG_MIN; ONNX ArgMax, ArgMin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import (
    Accumulate,
    Assign,
    Binary,
    Cast,
    Compare,
    Literal,
    Local,
    LoopKernel,
    Select,
    Var,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.reduction import ReductionLoops, reduced_shape, reduction_access
from tinycc_ml.ops.registry import register_family


@dataclass(frozen=True, slots=True)
class ArgExtremeAttrs(OpAttrs):
    """The axis, not negative; whether it stays, as 1; whether the last of several counts."""

    axis: int
    keep_dims: bool = False
    last: bool = False


class ArgExtreme(OpDef):
    """Input: any shape. Output: int32 or int64, without the axis, or with 1 in its place."""

    attrs_type = ArgExtremeAttrs
    dtypes = ("int8", "int16", "int32", "float32")

    def __init__(self, operator: str) -> None:
        self.operator = operator
        self.name = f"arg_{operator}"  # type: ignore[misc]
        self.summary = f"where the {operator}imum along an axis is"  # type: ignore[misc]

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(ArgExtremeAttrs, attrs)
        return (reduced_shape(self.name, inputs[0].shape, (a.axis,), a.keep_dims),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        allowed = tuple(DType(name) for name in self.dtypes)
        return dtype_problem("input", bound.inputs[0], *allowed) or dtype_problem(
            "output", bound.outputs[0], DType.INT32, DType.INT64
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, x = cast(ArgExtremeAttrs, workload.attrs), operands["input"]
        values = np.flip(x, a.axis) if a.last else x
        index = values.argmax(a.axis) if self.operator == "max" else values.argmin(a.axis)
        if a.last:
            index = x.shape[a.axis] - 1 - index
        y = workload.operand("output")
        return (np.asarray(index, y.dtype.numpy).reshape(y.shape),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return reduction_access(workload, (cast(ArgExtremeAttrs, workload.attrs).axis,))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a = cast(ArgExtremeAttrs, workload.attrs)
        x, y = buffers_of(workload)
        loops = ReductionLoops(x.shape, (a.axis,), a.keep_dims)
        element, best = b.load(x, *loops.element), Var("best")
        index, position = Var("index"), Var("position")
        better = Compare((">" if self.operator == "max" else "<") + "=" * a.last, element, best)
        found = index if y.dtype is DType.INT32 else Cast(y.dtype, index)
        body = b.nest(
            loops.kept,
            Local(best.name, promoted(x.dtype), b.load(x, *loops.first)),
            Local(index.name, DType.INT32, Literal(0)),
            Local(position.name, DType.INT32, Literal(0)),
            *b.nest(
                loops.reduced,
                Assign(index.name, Select(better, position, index)),
                Assign(best.name, Binary(self.operator, best, element)),
                Accumulate(position.name, Literal(1)),
            ),
            b.store(y, loops.target, found),
        )
        return LoopKernel(self.name, (x, y), body)


register_family(ArgExtreme(operator) for operator in ("max", "min"))
