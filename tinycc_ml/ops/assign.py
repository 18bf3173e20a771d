"""Gives a state a value that was computed elsewhere: a copy to where the state lies.

``next state = input``. Source: TensorFlow Lite ASSIGN_VARIABLE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.ops.access import Access, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_kernel
from tinycc_ml.ops.registry import register


@register
class Assign(OpDef):
    """Input: any shape. Output: the same."""

    name = "assign"
    summary = "copy of a value to a state"
    dtypes = ("int8", "int16", "int32", "uint8", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        if x.dtype.value not in self.dtypes:
            return f"a state of {x.dtype.value}; allowed {', '.join(self.dtypes)}"
        return None if x == y else f"the state is {y} and becomes {x}; they must be alike"

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return (operands["input"],)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return Access(workload.operand("output").elements, (("input", Whole()),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return elementwise_kernel(workload, lambda x: x)
