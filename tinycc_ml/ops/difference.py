"""Difference of two operands, and its square, with broadcasting; either may be a constant.

``sub: output = act(input0 - input1)``; ``squared_difference: output = (input0 - input1) ** 2``.
Both inputs come to half the larger scale first, as in an addition.

Source: TensorFlow Lite SUB, SQUARED_DIFFERENCE; integers as in TensorFlow Lite Micro's
``sub_common.cc``, ``reference/sub.h`` and ``squared_difference.cc``. Scales are computed in double,
as the package does: in float32, which newer sources of the former have, int16 outputs that are
nearly halves come out differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, QuantParams, TensorType
from tinycc_ml.loopir import Expr, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.numerics import quantize_multiplier
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel, broadcast_shape
from tinycc_ml.ops.floats import (
    FloatNumbers,
    float_numbers,
    float_problem,
    is_float,
    limit,
    limited,
)
from tinycc_ml.ops.quantized import (
    alike_problem,
    bounded_multiplier,
    dtype_problem,
    integers_problem,
)
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.rescaling import (
    SUM_LEFT_SHIFT,
    RescaledNumbers,
    Scaling,
    scale_input,
    scale_output,
    scaled_input,
    scaled_output,
    smaller_than_one,
)

# 9 + 7 bits, so that the square still fits.
_SQUARE_LEFT_SHIFT = 7


@dataclass(frozen=True, slots=True)
class SubAttrs(OpAttrs):
    """The fused activation."""

    activation: Activation = Activation.NONE


class _Difference(OpDef):
    """Inputs: two tensors whose shapes broadcast. Output: their broadcast shape."""

    dtypes: ClassVar[tuple[str, ...]] = ("int8", "float32")
    is_elementwise = True
    #: By the element types of integers that the operator has.
    left_shifts: ClassVar[Mapping[DType, int]] = {DType.INT8: SUM_LEFT_SHIFT}

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (broadcast_shape(inputs[0].shape, inputs[1].shape),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        (first, second), y = bound.inputs, bound.outputs[0]
        return (
            dtype_problem("input 0", first, *self.left_shifts)
            or alike_problem([("input 0", first), ("input 1", second), ("output", y)])
            or integers_problem(self.integerize, bound)
        )

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def differences(self, workload: Workload, operands: Mapping[str, Array]) -> Array:
        """The differences, of integers in the unit that both inputs share."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            return operands["input0"] - operands["input1"]
        n = cast(RescaledNumbers, n)
        left = self.left_shifts[workload.dtype]
        return scale_input(operands["input0"], n.input0, left) - scale_input(
            operands["input1"], n.input1, left
        )

    def difference(self, workload: Workload, first: Expr, second: Expr) -> Expr:
        """The same in loop IR."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            return b.sub(first, second)
        n = cast(RescaledNumbers, n)
        left = self.left_shifts[workload.dtype]
        return b.sub(scaled_input(first, n.input0, left), scaled_input(second, n.input1, left))


@register
class Sub(_Difference):
    """Inputs: two tensors whose shapes broadcast. Output: their broadcast shape."""

    name = "sub"
    attrs_type = SubAttrs
    summary = "elementwise subtraction with broadcasting; fused activation"
    dtypes = ("int8", "int16", "float32")
    #: int16 has less room.
    left_shifts: ClassVar[Mapping[DType, int]] = {DType.INT8: SUM_LEFT_SHIFT, DType.INT16: 15}

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        activation = cast(SubAttrs, bound.attrs).activation
        if is_float(bound):
            return Integers(float_numbers(activation), (("input0", 0), ("input1", 1)))
        first, second, y = _quants(bound)
        unit = 2 * max(first.scale, second.scale)
        scale = (1 << self.left_shifts[bound.inputs[0].dtype]) * y.scale
        factors = first.scale / unit, second.scale / unit, unit / scale
        low, high = output_clamp(activation, bound.outputs[0])
        numbers = RescaledNumbers(
            Scaling(-first.zero_point, *smaller_than_one(float(factors[0]))),
            Scaling(-second.zero_point, *smaller_than_one(float(factors[1]))),
            Scaling(y.zero_point, *smaller_than_one(float(factors[2]))),
            low,
            high,
        )
        return Integers(numbers, (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return (_output(self.differences(workload, operands), workload),)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return broadcast_kernel(
            workload,
            lambda first, second: _finished(self.difference(workload, first, second), workload),
        )


@register
class SquaredDifference(_Difference):
    """Inputs: two tensors whose shapes broadcast. Output: their broadcast shape."""

    name = "squared_difference"
    summary = "square of the elementwise difference, with broadcasting"
    left_shifts: ClassVar[Mapping[DType, int]] = {DType.INT8: _SQUARE_LEFT_SHIFT}

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        if is_float(bound):
            return Integers(FloatNumbers(), (("input0", 0), ("input1", 1)))
        first, second, y = _quants(bound)
        unit = 2 * max(first.scale, second.scale)
        # The power of two and the output's scale are multiplied in float32, which is exact.
        output = bounded_multiplier(
            quantize_multiplier(unit * unit / ((1 << 2 * _SQUARE_LEFT_SHIFT) * y.scale)), bits=30
        )
        numbers = RescaledNumbers(
            Scaling(-first.zero_point, *smaller_than_one(first.scale / unit)),
            Scaling(-second.zero_point, *smaller_than_one(second.scale / unit)),
            Scaling(y.zero_point, *output),
            DType.INT8.min,
            DType.INT8.max,
        )
        return Integers(numbers, (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        difference = self.differences(workload, operands)
        return (_output(difference * difference, workload),)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        difference = Var("difference")
        dtype = promoted(workload.operand("input0").dtype)
        return broadcast_kernel(
            workload,
            lambda first, second: _finished(b.mul(difference, difference), workload),
            lambda first, second: Local(
                difference.name, dtype, self.difference(workload, first, second)
            ),
        )


def _output(raw: Array, workload: Workload) -> Array:
    n = workload.numbers
    return (
        limit(raw, n)
        if isinstance(n, FloatNumbers)
        else scale_output(raw, _rescaled(n), workload.dtype)
    )


def _finished(raw: Expr, workload: Workload) -> Expr:
    n = workload.numbers
    return limited(raw, n) if isinstance(n, FloatNumbers) else scaled_output(raw, _rescaled(n))


def _rescaled(numbers: Numbers) -> RescaledNumbers:
    return cast(RescaledNumbers, numbers)


def _quants(bound: BoundNode) -> tuple[QuantParams, QuantParams, QuantParams]:
    first, second, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
    assert first and second and y  # checked by check
    return first, second, y
