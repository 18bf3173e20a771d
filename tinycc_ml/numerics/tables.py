"""Functions of one 8-bit integer, as tables over all inputs.

Each takes the integers and the quantization of input and output, and gives the outputs that
TensorFlow Lite Micro computes, from its fixed-point arithmetic where it has one and from its tables
where it does so, too.

Source: TensorFlow Lite Micro ``tanh.cc``, ``leaky_relu_common.cc``, ``elementwise.cc``,
``hard_swish_common.cc``, and ``LUTPopulate`` of ``internal/common.h``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.numerics.fixed_point import (
    INT32_MAX,
    IntArray,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    truncating_divide_by_pot,
)
from tinycc_ml.numerics.transcendental import (
    exp_on_negative_values,
    inverse_square_root,
    one_minus_x_over_one_plus_x,
)

FloatArray = npt.NDArray[np.float32]

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_TANH_INTEGER_BITS = 4
_HIGHEST_SHIFT = 30 - 9


@dataclass(frozen=True, slots=True)
class TableQuant:
    """Quantization of a table's input and output; scales are float32 values.

    Attributes:
        input_scale: The input's scale.
        input_zero_point: Its zero point.
        output_scale: The output's scale.
        output_zero_point: Its zero point.
    """

    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int


def _int8(x: IntArray) -> IntArray:
    clipped: IntArray = np.clip(x, -128, 127)
    return clipped


def _scaled(centred: IntArray, ratio: float) -> IntArray:
    """Differences of up to 9 bits times a factor that is not negative.

    Raises:
        UnsupportedError: If a product could exceed int32.
    """
    multiplier, shift = quantize_multiplier(ratio)
    if shift > _HIGHEST_SHIFT:
        raise UnsupportedError("the output's scale is too small for the input's")
    return multiply_by_quantized_multiplier(centred, multiplier, shift)


def function_table(
    x: IntArray, q: TableQuant, function: Callable[[FloatArray], FloatArray]
) -> IntArray:
    """A real function, computed in float32 as the library fills its tables.

    Args:
        x: The integers.
        q: The quantization.
        function: The function on float32 arrays. Infinite outputs saturate, what is not a number
            becomes the zero point.

    Raises:
        UnsupportedError: If a finite output does not fit int32 before it is clamped: the library's
            conversion is undefined there.
    """
    with np.errstate(all="ignore"):
        inverse = np.float32(1) / np.float32(q.output_scale)
        real = np.float32(q.input_scale) * (x - q.input_zero_point).astype(np.float32)
        values = function(real)
        scaled = (values * inverse).astype(np.float64)
    # An infinite quotient of finite numbers stays, and is refused.
    scaled = np.where(np.isinf(values), np.copysign(1024, values), scaled)
    scaled = np.where(np.isnan(values), 0, scaled)
    rounded = np.trunc(scaled + np.copysign(0.5, scaled))
    if not (np.abs(rounded) <= INT32_MAX - 256).all():
        raise UnsupportedError("an output is beyond int32 before it is clamped")
    # The zero point is added in float32, too.
    total = (rounded.astype(np.float32) + np.float32(q.output_zero_point)).astype(np.int64)
    return _int8(total)


def tanh_int8(x: IntArray, q: TableQuant) -> IntArray:
    """Hyperbolic tangent; the output's scale is 1/128, its zero point 0.

    Args:
        x: The integers.
        q: The quantization; the input's scale is at least ``2**-28``.
    """
    centred = x - q.input_zero_point
    mantissa, shift = math.frexp(q.input_scale * (1 << (31 - _TANH_INTEGER_BITS)))
    highest = ((1 << _TANH_INTEGER_BITS) - 1) << (31 - _TANH_INTEGER_BITS)
    radius = highest >> shift
    low, high = centred <= -radius, centred >= radius
    inside = np.where(low | high, 0, centred)
    a = multiply_by_quantized_multiplier(inside, int(mantissa * (1 << 31)), shift)
    # Twice the argument is the same raw number with one more integer bit.
    exponential = exp_on_negative_values(-np.abs(a), _TANH_INTEGER_BITS + 1)
    magnitude = one_minus_x_over_one_plus_x(exponential)
    tanh = np.where(a == 0, 0, np.where(a < 0, -magnitude, magnitude))
    output = _int8(rounding_divide_by_pot(tanh, 24))
    return np.where(low, -128, np.where(high, 127, output))


def leaky_relu_int8(x: IntArray, q: TableQuant, alpha: float) -> IntArray:
    """``x`` where it is positive, else ``alpha * x``; ``alpha`` is a float32 value."""
    ratio = np.float32(q.input_scale) / np.float32(q.output_scale)
    slope = np.float32(q.input_scale) * np.float32(alpha) / np.float32(q.output_scale)
    centred = x - q.input_zero_point
    positive = _scaled(centred, float(ratio))
    negative = _scaled(centred, abs(float(slope)))
    signed = np.where(slope < 0, -negative, negative)
    return _int8(np.where(centred >= 0, positive, signed) + q.output_zero_point)


def abs_int8(x: IntArray, q: TableQuant) -> IntArray:
    """Absolute value."""
    centred = np.abs(x - q.input_zero_point)
    if q.input_scale != q.output_scale:
        ratio = np.float32(q.input_scale) / np.float32(q.output_scale)
        centred = _scaled(centred, float(ratio))
    return _int8(centred + q.output_zero_point)


def rsqrt_int8(x: IntArray, q: TableQuant) -> IntArray:
    """``1 / sqrt(x)``; where the input is 0 or negative, the highest output.

    The library stops at negative inputs; generated code has no way to.

    Raises:
        UnsupportedError: If the scales are so far apart that its arithmetic is undefined.
    """
    root = np.sqrt(np.float32(q.input_scale)) * np.float32(q.output_scale)
    multiplier, shift = quantize_multiplier(1.0 / float(root))
    if not -11 <= shift <= 30:
        raise UnsupportedError(
            f"outputs would be 2**{shift} times 1 / sqrt(integer); allowed 2**-11 ... 2**30"
        )

    centred = x - q.input_zero_point
    inverse, exponent = inverse_square_root(centred)
    # 20 bits more while it is an integer.
    data = multiply_by_quantized_multiplier(1, inverse, exponent + 20)
    scaled = multiply_by_quantized_multiplier(data, multiplier, shift - 20)
    return np.where(centred <= 0, 127, _int8(scaled + q.output_zero_point))


def hard_swish_int8(x: IntArray, q: TableQuant) -> IntArray:
    """``x * min(max(x + 3, 0), 6) / 6`` in 16-bit fixed-point arithmetic.

    Raises:
        UnsupportedError: If the library stops at these scales, or its arithmetic is undefined.
    """
    hires = np.float32(1 / 128) * np.float32(q.input_scale)
    output, output_shift = _short_multiplier(float(hires / np.float32(q.output_scale)))
    if not -15 <= output_shift <= 0:
        raise UnsupportedError("the output's scale is not 1/128 ... 256 times the input's")
    reluish_scale = np.float32(3) / np.float32(32768)
    multiplier, shift = _short_multiplier(float(hires / reluish_scale))
    if shift < -15:
        raise UnsupportedError(f"input has scale {q.input_scale:g}; allowed from 2**-21")
    value = (x - q.input_zero_point) * 128
    preshift = _short_high_mul(value, output)
    reluish = value
    if shift > 0:
        reluish = _short_shift_left(reluish, shift - 1)
    reluish = _short_high_mul(reluish, multiplier)
    if shift > 0:
        reluish = _short_shift_left(reluish, 1)
    if shift < 0:
        reluish = rounding_divide_by_pot(reluish, -shift)
    reluish = (reluish + (1 << 15)) >> 1
    product = reluish * preshift
    truncated = truncating_divide_by_pot(product, 15)
    return _int8(rounding_divide_by_pot(truncated, -output_shift) + q.output_zero_point)


def _short_multiplier(real: float) -> tuple[int, int]:
    """A multiplier of 16 bits, and its power of two."""
    multiplier, shift = quantize_multiplier(real)
    rounded = min((multiplier + (1 << 15)) >> 16, _INT16_MAX)
    return rounded, shift


def _short_high_mul(a: IntArray, b: int) -> IntArray:
    product = a * b
    nudge = np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return truncating_divide_by_pot(product + nudge, 15)


def _short_shift_left(a: IntArray, exponent: int) -> IntArray:
    shifted: IntArray = np.clip(a << min(exponent, 31), _INT16_MIN, _INT16_MAX)
    return shifted
