"""Numbers of another type, without regard to quantization.

Real numbers are truncated; what does not fit the integer type saturates, and what is no number
becomes 0 (the library's conversion is undefined there). Integers that do not fit wrap around. Of
``bool`` only zero is false.

Source: TensorFlow Lite CAST, ONNX Cast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Binary, Compare, Expr, Literal, LoopKernel, Select
from tinycc_ml.loopir import Cast as CastExpr
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.words import converted

#: The mantissa of float32.
_BITS = 24


@register
class Cast(OpDef):
    """Input: any shape. Output: the same shape."""

    name = "cast"
    summary = "numbers of another element type"
    dtypes = tuple(dtype.value for dtype in DType)
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return None

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        x, dtype = operands["input"], workload.operand("output").dtype
        if x.dtype.kind == "f" and dtype.is_integer:
            low, high = _limits(dtype)
            x = np.clip(np.nan_to_num(x.astype(np.float64), nan=0.0), low, high)
        return (x.astype(dtype.numpy),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        source, target = workload.operand("input").dtype, workload.operand("output").dtype
        return elementwise_kernel(workload, lambda x: _cast(x, source, target))


def _limits(dtype: DType) -> tuple[float, float]:
    """The lowest and the highest float32 that fit an integer type."""
    spare = max(0, dtype.max.bit_length() - _BITS)
    return float(dtype.min), float(dtype.max >> spare << spare)


def _cast(x: Expr, source: DType, target: DType) -> Expr:
    if target is DType.BOOL:
        return Compare("!=", x, Literal(0.0 if source is DType.FLOAT32 else 0, promoted(source)))
    if source is DType.FLOAT32:
        if target is DType.FLOAT32:
            return x
        low, high = map(b.number, _limits(target))
        bounded = Binary("min", Binary("max", x, low), high)
        number = Select(Compare("==", x, x), bounded, b.number(0.0))
        return CastExpr(promoted(target), number)
    if target is DType.FLOAT32:
        return CastExpr(target, x)
    return converted(x, source, target)
