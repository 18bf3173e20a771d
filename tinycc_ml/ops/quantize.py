"""Quantization: float to integer, or integer to integer of another scale.

``output = round(input / scale) + zero_point`` for floats. 8-bit inputs go through a table, wider
ones through fixed-point arithmetic.

Source: TensorFlow Lite QUANTIZE; integers as in TensorFlow Lite Micro's ``quantize_common.cc`` and
``reference_ops::Requantize``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, QuantParams, TensorType
from tinycc_ml.loopir import Expr, Literal, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import affine_quantize, quantize_multiplier, requantize
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.lookup import every_input, lookup_integers, lookup_reference, lower_lookup
from tinycc_ml.ops.quantized import (
    bounded_multiplier,
    dtype_problem,
    integers_problem,
    quantized_problem,
)
from tinycc_ml.ops.registry import register

_OUTPUTS = {
    DType.FLOAT32: (DType.INT8, DType.INT16),
    DType.INT8: (DType.INT8, DType.UINT8, DType.INT16),
    DType.UINT8: (DType.INT8,),
    DType.INT16: (DType.INT8, DType.INT16),
}


@dataclass(frozen=True, slots=True)
class QuantizeNumbers(Numbers):
    """From float: the output's quantization."""

    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class RequantizeNumbers(Numbers):
    """From wide integers: both zero points, and the ratio of the scales, real and fixed-point."""

    ratio: float
    input_zero_point: int
    output_zero_point: int
    multiplier: int
    shift: int


@register
class Quantize(OpDef):
    """Input: any shape. Output: the same shape."""

    name = "quantize"
    summary = "float32 or integer to an integer type of another scale"
    dtypes = ("float32", "int8", "uint8", "int16")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        problem = dtype_problem("input", x, *_OUTPUTS)
        if problem is None and x.dtype.is_integer:
            problem = quantized_problem("input", x, x.dtype)
        return (
            problem
            or quantized_problem("output", y, *_OUTPUTS[x.dtype])
            or integers_problem(self.integerize, bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        assert y.quant  # checked by check
        if x.dtype is DType.FLOAT32:
            numbers = QuantizeNumbers(y.quant.scale, y.quant.zero_point)
            return Integers(numbers, (("input", 0),))
        assert x.quant  # checked by check
        n = _requantization(x.quant, y.quant, bits=8 * x.dtype.size_bytes)
        if x.dtype is DType.INT16:
            return Integers(n, (("input", 0),))
        return lookup_integers(_requantized(every_input(x.dtype), n, y.dtype), y.dtype)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        n, x, dtype = workload.numbers, operands["input"], workload.operand("output").dtype
        if isinstance(n, QuantizeNumbers):
            result: Array = affine_quantize(x, n.scale, n.zero_point, (dtype.min, dtype.max))
        elif isinstance(n, RequantizeNumbers):
            result = _requantized(x, n, dtype)
        else:
            return lookup_reference(workload, operands)
        return (result.astype(dtype.numpy),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n, dtype = workload.numbers, workload.operand("output").dtype
        if isinstance(n, QuantizeNumbers):
            scale, zero_point = Literal(n.scale, DType.FLOAT32), n.zero_point
            return elementwise_kernel(
                workload,
                lambda x: b.call("quantize", x, scale, zero_point, dtype.min, dtype.max),
            )
        if isinstance(n, RequantizeNumbers):
            return elementwise_kernel(workload, partial(_requantized_value, n, dtype))
        return lower_lookup(workload)


def _requantized_value(n: RequantizeNumbers, dtype: DType, x: Expr) -> Expr:
    scaled = b.call("requantize", b.sub(x, n.input_zero_point), n.multiplier, n.shift)
    return b.clamp(b.add(scaled, n.output_zero_point), dtype.min, dtype.max)


def _requantization(x: QuantParams, y: QuantParams, bits: int) -> RequantizeNumbers:
    ratio = x.scale / y.scale
    multiplier, shift = bounded_multiplier(quantize_multiplier(ratio), bits)
    return RequantizeNumbers(ratio, x.zero_point, y.zero_point, multiplier, shift)


def _requantized(x: Array, n: RequantizeNumbers, dtype: DType) -> Array:
    zero_points = (n.input_zero_point, n.output_zero_point)
    return requantize(x, n.ratio, zero_points, (dtype.min, dtype.max))
