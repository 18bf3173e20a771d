"""Choice between two operands by a third, element by element with broadcasting.

``output = input1 where condition else input2``.

Source: TensorFlow Lite SELECT_V2, ONNX Where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.loopir import Select as SelectExpr
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel, broadcast_shape
from tinycc_ml.ops.movement import moved_problem
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@register
class Select(OpDef):
    """Inputs: condition (bool), and two tensors of a type and quantization. Output: like them."""

    name = "select"
    summary = "one of two operands by a condition, with broadcasting"
    dtypes = ("bool",)
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (broadcast_shape(*(x.shape for x in inputs)),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        condition, first, second = bound.inputs
        y = bound.outputs[0]
        allowed = tuple(DType)
        return (
            dtype_problem("condition", condition, DType.BOOL)
            or moved_problem(first, y, allowed)
            or moved_problem(second, y, allowed)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("condition", 0), ("input0", 1), ("input1", 2)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return (np.where(operands["condition"], operands["input0"], operands["input1"]),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return broadcast_kernel(workload, SelectExpr)
