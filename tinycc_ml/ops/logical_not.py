"""Negation of truth values.

Source: TensorFlow Lite LOGICAL_NOT, ONNX Not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Literal, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@register
class LogicalNot(OpDef):
    """Input: any shape. Output: the same shape."""

    name = "logical_not"
    summary = "negation of truth values"
    dtypes = ("bool",)
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return dtype_problem("input", bound.inputs[0], DType.BOOL) or dtype_problem(
            "output", bound.outputs[0], DType.BOOL
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return (np.logical_not(operands["input"]),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return elementwise_kernel(workload, lambda x: b.sub(Literal(1), x))
