"""What int8 operators demand of quantization and of int32 sums.

A sum that can exceed int32 for some input is refused rather than wrapped: signed overflow is
undefined in C, and the model's output would be noise.
"""

from __future__ import annotations

import math

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, QuantParams, TensorType
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN

INT8_MIN, INT8_MAX = DType.INT8.min, DType.INT8.max


def int8_problem(role: str, type_: TensorType) -> str | None:
    """Why a tensor is no usable int8 activation, or ``None``."""
    if type_.dtype != DType.INT8:
        return f"{role} is {type_.dtype.value}; allowed int8"
    if type_.quant is None:
        return f"{role} has no quantization parameters"
    if type_.quant.axis is not None or len(type_.quant.scales) != 1:
        return f"{role} is quantized per channel; allowed per tensor"
    if not INT8_MIN <= type_.quant.zero_point <= INT8_MAX:
        return f"{role} has zero point {type_.quant.zero_point}; allowed -128 ... 127"
    return scale_problem(role, type_.quant)


def scale_problem(role: str, quant: QuantParams) -> str | None:
    """Why scales are unusable, or ``None``: they must be positive, finite float32 values."""
    for scale in quant.scales:
        if not (math.isfinite(scale) and scale > 0):
            return f"{role} has scale {scale:g}; allowed are positive, finite scales"
        if float(np.float32(scale)) != scale:
            return f"{role} has scale {scale!r}, which is no float32 value"
    return None


def same_quantization_problem(x: TensorType, y: TensorType, tolerance: float = 0.0) -> str | None:
    """Why input and output, of int8, do not hold the same quantization, or ``None``."""
    problem = int8_problem("input", x) or int8_problem("output", y)
    return problem or different_problem(x, y, tolerance)


def different_problem(x: TensorType, y: TensorType, tolerance: float = 0.0) -> str | None:
    """Why the quantizations of two usable activations differ, or ``None``."""
    assert x.quant and y.quant  # checked just above
    difference = abs(np.float32(x.quant.scale) - np.float32(y.quant.scale))
    if float(difference) > tolerance or x.quant.zero_point != y.quant.zero_point:
        return f"input is {x.quant} but output is {y.quant}; they must be quantized alike"
    return None


def sum_bounds(
    weight: Array, axes: int | tuple[int, ...], bias: Array, zero_point: int = 0
) -> tuple[Array, Array]:
    """The bounds of every partial sum of int8 inputs, in any order, with or without the bias.

    Each product may also be missing (a tap outside the input); as its range contains 0, that
    stays within the bounds.

    Args:
        weight: In int64.
        axes: Those that are summed up.
        bias: In int64, of the shape that remains.
        zero_point: Subtracted from every input.
    """
    positive, negative = np.maximum(weight, 0).sum(axis=axes), np.minimum(weight, 0).sum(axis=axes)
    lowest, highest = INT8_MIN - zero_point, INT8_MAX - zero_point
    low = positive * lowest + negative * highest + np.minimum(bias, 0)
    high = positive * highest + negative * lowest + np.maximum(bias, 0)
    return low, high


def sum_problem(low: Array, high: Array, shift: Array, zero_point: int) -> str | None:
    """Why sums, or what requantization makes of them, may exceed int32; ``None`` if they cannot.

    Args:
        low: Lowest sum, of each channel; not above 0, so that it bounds every partial sum.
        high: Highest sum, not below 0.
        shift: Left shift of requantization; negative ones count as 0.
        zero_point: Added after requantization.
    """
    left = np.maximum(shift.astype(np.int64), 0)
    # Rounding to nearest can add one, the zero point its own size. A right shift leaves room for
    # both: biases clipped to the limits of int32 occur in real models, in channels that are dead.
    margin = np.where(shift < 0, 0, 1 + abs(zero_point))
    too_low = low < -((-INT32_MIN - margin) >> left)
    too_high = high > (INT32_MAX - margin) >> left
    worst = np.flatnonzero(too_low | too_high)
    if not worst.size:
        return None
    where = int(worst[0])
    return (
        f"sums of channel {where} can reach {int(low.flat[where])} ... {int(high.flat[where])} "
        f"before a left shift of {int(np.broadcast_to(left, low.shape).flat[where])}; "
        "that exceeds int32: train or quantize with smaller weights or bias"
    )
