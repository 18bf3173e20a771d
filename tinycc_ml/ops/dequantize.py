"""Dequantization: integer to float.

``output = scale * (input - zero_point)`` in float32.

Source: TensorFlow Lite DEQUANTIZE; as in TensorFlow Lite Micro's ``reference_ops::Dequantize``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Cast, Literal, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import affine_dequantize
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.quantized import dtype_problem, quantized_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class DequantizeNumbers(Numbers):
    """The input's quantization."""

    scale: float
    zero_point: int


@register
class Dequantize(OpDef):
    """Input: any shape. Output: the same shape, float32."""

    name = "dequantize"
    summary = "integer to float32"
    dtypes = ("int8", "uint8", "int16")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        allowed = tuple(DType(name) for name in self.dtypes)
        return quantized_problem("input", bound.inputs[0], *allowed) or dtype_problem(
            "output", bound.outputs[0], DType.FLOAT32
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        quant = bound.inputs[0].quant
        assert quant  # checked by check
        return Integers(DequantizeNumbers(quant.scale, quant.zero_point), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        n = cast(DequantizeNumbers, workload.numbers)
        return (affine_dequantize(operands["input"], n.scale, n.zero_point),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = cast(DequantizeNumbers, workload.numbers)
        scale = Literal(n.scale, DType.FLOAT32)
        return elementwise_kernel(
            workload, lambda x: b.mul(Cast(DType.FLOAT32, b.sub(x, n.zero_point)), scale)
        )
