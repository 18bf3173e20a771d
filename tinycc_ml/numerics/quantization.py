"""Real numbers to quantized ones, with TensorFlow Lite's float arithmetic.

Scales are float32 values, held as Python floats; where the library computes in float32, so does
this module.
"""

from __future__ import annotations

import math

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN


def round_half_away(x: float) -> int:
    """``std::round``: to the nearest integer, halves away from zero."""
    whole = math.floor(abs(x))
    # The subtraction is exact; adding 0.5 before the floor would round 0.49999999999999994 up.
    whole += abs(x) - whole >= 0.5
    return whole if x >= 0 else -whole


def quantized_clamp(
    low: float | None,
    high: float | None,
    scale: float,
    zero_point: int,
    limits: tuple[int, int],
) -> tuple[int, int]:
    """The integer range of a clamped output.

    Args:
        low: Lowest real value, or ``None``.
        high: Highest real value, or ``None``.
        scale: Scale of the output.
        zero_point: Zero point of the output.
        limits: Limits of the element type.

    Raises:
        UnsupportedError: If a limit, quantized, does not fit int32; the library refuses it too.

    Source: TensorFlow Lite's ``CalculateActivationRangeQuantizedImpl``.
    """

    def quantize(real: float) -> int:
        with np.errstate(over="ignore"):
            quotient = float(np.float32(real) / np.float32(scale))
        if not math.isfinite(quotient):
            raise UnsupportedError(f"activation limit {real:g} at scale {scale:g} is not finite")
        quantized = zero_point + round_half_away(quotient)
        if not INT32_MIN <= quantized <= INT32_MAX:
            raise UnsupportedError(f"activation limit {real:g} at scale {scale:g} exceeds int32")
        return quantized

    lowest = limits[0] if low is None else max(limits[0], quantize(low))
    highest = limits[1] if high is None else min(limits[1], quantize(high))
    return lowest, highest
