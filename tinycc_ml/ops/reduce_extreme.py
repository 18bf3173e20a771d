"""The largest or smallest element over dimensions.

Of ``bool``, the largest is whether any is true, the smallest whether all are.

Source: TensorFlow Lite REDUCE_MAX, REDUCE_MIN, REDUCE_ANY, REDUCE_ALL; ONNX ReduceMax, ReduceMin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Assign, Binary, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.movement import moved_problem
from tinycc_ml.ops.reduction import ReductionLoops, reduced_shape, reduction_access
from tinycc_ml.ops.registry import register_family


@dataclass(frozen=True, slots=True)
class ReduceExtremeAttrs(OpAttrs):
    """The dimensions to reduce: not negative, ascending, without duplicates."""

    axes: tuple[int, ...]
    keep_dims: bool = False


class ReduceExtreme(OpDef):
    """Input: any shape. Output: the shape without the axes, or with 1 in their place."""

    attrs_type = ReduceExtremeAttrs
    dtypes = ("int8", "int16", "int32", "float32", "bool")

    def __init__(self, operator: str) -> None:
        self.operator = operator
        self.name = f"reduce_{operator}"  # type: ignore[misc]
        self.summary = f"{operator}imum over any dimensions"  # type: ignore[misc]

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(ReduceExtremeAttrs, attrs)
        return (reduced_shape(self.name, inputs[0].shape, a.axes, a.keep_dims),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        allowed = tuple(DType(name) for name in self.dtypes)
        return moved_problem(bound.inputs[0], bound.outputs[0], allowed)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, x = cast(ReduceExtremeAttrs, workload.attrs), operands["input"]
        y = x.max(axis=a.axes) if self.operator == "max" else x.min(axis=a.axes)
        return (y.reshape(workload.operand("output").shape),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return reduction_access(workload, cast(ReduceExtremeAttrs, workload.attrs).axes)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a = cast(ReduceExtremeAttrs, workload.attrs)
        x, y = buffers_of(workload)
        loops = ReductionLoops(x.shape, a.axes, a.keep_dims)
        element, best = b.load(x, *loops.element), Var("best")
        body = b.nest(
            loops.kept,
            Local(best.name, promoted(x.dtype), b.load(x, *loops.first)),
            *b.nest(loops.reduced, Assign(best.name, Binary(self.operator, best, element))),
            b.store(y, loops.target, best),
        )
        return LoopKernel(self.name, (x, y), body)


register_family(ReduceExtreme(operator) for operator in ("max", "min"))
