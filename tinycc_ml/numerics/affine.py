"""Between float32 and quantized integers at run time.

Source: TensorFlow Lite ``reference/quantize.h`` (``AffineQuantize``), ``reference/dequantize.h``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tinycc_ml.numerics.fixed_point import IntArray, IntLike

FloatArray = npt.NDArray[np.float32]


def affine_quantize(
    x: npt.ArrayLike, scale: float, zero_point: int, limits: tuple[int, int]
) -> IntArray:
    """``round(x / scale) + zero_point`` within limits.

    The quotient is float32, halves are rounded away from zero. What the library leaves undefined is
    defined here: quotients beyond int32 and infinities saturate, and what is not a number becomes
    the zero point (Arm's conversion of it to an integer yields 0).

    Args:
        x: float32 numbers.
        scale: The scale of the result.
        zero_point: Its zero point.
        limits: Lowest and highest integer; at most 16 bits.
    """
    with np.errstate(all="ignore"):
        quotient = np.asarray(x, np.float32) / np.float32(scale)
        lowest, highest = limits[0] - zero_point, limits[1] - zero_point
        bounded = np.clip(np.nan_to_num(quotient.astype(np.float64), nan=0.0), lowest, highest)
    # In float64 the addition of a half is exact.
    rounded: IntArray = np.trunc(bounded + np.copysign(0.5, bounded)).astype(np.int64)
    return rounded + zero_point


def affine_dequantize(x: IntLike, scale: float, zero_point: int) -> npt.NDArray[Any]:
    """``scale * (x - zero_point)`` in float32.

    The library multiplies in double precision and rounds once. Differences of up to 17 bits times a
    float32 scale are exact there, so one float32 multiplication gives the same.
    """
    difference = (np.asarray(x, np.int64) - zero_point).astype(np.float32)
    with np.errstate(all="ignore"):
        return difference * np.float32(scale)
