"""Activation functions on 8-bit integers, as tables over all their inputs.

Source: TensorFlow Lite Micro ``logistic_common.cc``, ``activations_common.cc``,
``integer_ops/logistic.h``, ``requantize.h``.
"""

from __future__ import annotations

import math

import numpy as np

from tinycc_ml.numerics.fixed_point import (
    INT32_MAX,
    IntArray,
    IntLike,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
)
from tinycc_ml.numerics.transcendental import exp_on_negative_values, one_over_one_plus_x

_LOGISTIC_INTEGER_BITS = 4


def requantize(
    x: IntLike,
    ratio: float,
    zero_points: tuple[int, int],
    limits: tuple[int, int],
) -> IntArray:
    """Integers of one quantization as integers of another.

    Args:
        x: The integers.
        ratio: Scale of the input over scale of the output.
        zero_points: Of the input and of the output.
        limits: Lowest and highest output.
    """
    multiplier, shift = quantize_multiplier(ratio)
    centred = np.asarray(x, np.int64) - zero_points[0]
    scaled = multiply_by_quantized_multiplier(centred, multiplier, shift) + zero_points[1]
    result: IntArray = np.clip(scaled, *limits)
    return result


def logistic_int8(x: IntLike, scale: float, zero_point: int) -> IntArray:
    """``1 / (1 + exp(-real))``, quantized with scale 1/256 and zero point -128.

    The library takes inputs whose magnitude reaches a radius for saturated. From a scale of 8 on,
    the radius is 0 and even ``logistic(0)`` is the lowest output.

    Args:
        x: The int8 inputs.
        scale: Their scale, at least ``2**-28``.
        zero_point: Their zero point.
    """
    centred = np.asarray(x, np.int64) - zero_point
    mantissa, shift = math.frexp(scale * (1 << (31 - _LOGISTIC_INTEGER_BITS)))
    highest = ((1 << _LOGISTIC_INTEGER_BITS) - 1) << (31 - _LOGISTIC_INTEGER_BITS)
    radius = highest >> shift
    low, high = centred <= -radius, centred >= radius
    inside = np.where(low | high, 0, centred)
    # A float32 scale has 24 bits, so that the mantissa is exact.
    argument = multiply_by_quantized_multiplier(inside, int(mantissa * (1 << 31)), shift)
    output = np.clip(rounding_divide_by_pot(_logistic(argument), 23) - 128, -128, 127)
    return np.where(low, -128, np.where(high, 127, output))


def _logistic(a: IntArray) -> IntArray:
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(a), _LOGISTIC_INTEGER_BITS))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, INT32_MAX - positive))
