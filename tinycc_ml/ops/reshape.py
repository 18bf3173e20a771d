"""A new shape over the same elements; no code is emitted for it.

Source: TensorFlow Lite RESHAPE.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

from tinycc_ml.dtypes import VALUE_TYPES, DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class ReshapeAttrs(OpAttrs):
    """The new shape; one extent may be -1 and is then inferred."""

    shape: tuple[int, ...] = ()


@register
class Reshape(OpDef):
    """Input: any shape. Output: as many elements of the same type."""

    name = "reshape"
    attrs_type = ReshapeAttrs
    summary = "new shape over the same bytes; costs nothing"
    dtypes = tuple(dtype.value for dtype in VALUE_TYPES)
    is_view = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a, elements = cast(ReshapeAttrs, attrs), inputs[0].elements
        known = prod(extent for extent in a.shape if extent != -1)
        inferred = elements // known if known > 0 else 0
        shape = tuple(inferred if extent == -1 else extent for extent in a.shape)
        if a.shape.count(-1) > 1 or any(e < 1 for e in shape) or prod(shape) != elements:
            raise UnsupportedError(f"{inputs[0].shape} cannot be reshaped to {a.shape}")
        return (shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        return dtype_problem("input", x, *(DType(name) for name in self.dtypes)) or dtype_problem(
            "output", y, x.dtype
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return (operands["input"].reshape(workload.operand("output").shape),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class; used where the output must have bytes of its own."""
        return elementwise_kernel(workload, lambda x: x)
