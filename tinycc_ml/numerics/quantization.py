"""Real numbers to quantized ones, with TensorFlow Lite's float arithmetic.

Scales are stored as float32; where the library computes in float32, so does this module.
"""

from __future__ import annotations

import numpy as np


def round_half_away(x: float) -> int:
    """``std::round``: to the nearest integer, halves away from zero."""
    return int(np.trunc(x + np.copysign(0.5, x)))


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
    """

    def quantize(real: float) -> int:
        return zero_point + round_half_away(float(np.float32(real) / np.float32(scale)))

    lowest = limits[0] if low is None else max(limits[0], quantize(low))
    highest = limits[1] if high is None else min(limits[1], quantize(high))
    return lowest, highest
