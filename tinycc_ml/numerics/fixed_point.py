"""Fixed-point arithmetic of TensorFlow Lite Micro: the only statement of the numbers.

Rounding happens twice, as in the library's default build (``TFLITE_SINGLE_ROUNDING`` unset): once
in the doubling high multiplication, once in the shift. All functions take Python integers or
NumPy integer arrays and compute in int64; results fit int32.

Source: gemmlowp ``fixedpoint.h`` and TensorFlow Lite ``kernels/internal/common.h``,
``quantization_util.cc``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinycc_ml.errors import UnsupportedError

IntArray = npt.NDArray[np.int64]
IntLike = int | npt.NDArray[Any]

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Splits a real factor into a Q31 mantissa and a power of two.

    Args:
        real: The factor, not negative.

    Returns:
        ``(multiplier, shift)`` with ``real ~ multiplier * 2**(shift - 31)``,
        ``2**30 <= multiplier < 2**31`` and ``-31 <= shift <= 30``, or ``(0, 0)`` for factors that
        round to less than ``2**-32``.

    Raises:
        UnsupportedError: If the factor is negative, not finite, or needs a larger shift: there
            the library's own arithmetic is undefined.
    """
    if real == 0.0:
        return 0, 0
    if not (math.isfinite(real) and real > 0.0):
        raise UnsupportedError(f"scale factor {real:g}; allowed are finite, positive factors")
    mantissa, shift = math.frexp(real)
    # The mantissa is in [0.5, 1), so that its product is exact and halves are rounded up.
    fixed = math.floor(mantissa * (1 << 31) + 0.5)
    if fixed == 1 << 31:
        fixed, shift = fixed // 2, shift + 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        raise UnsupportedError(f"scale factor {real:g}; allowed are factors below 2**30")
    return fixed, shift


def wrap_int32(x: IntLike) -> IntArray:
    """Two's complement wrap-around to 32 bits."""
    shifted: IntArray = (np.asarray(x, np.int64) + (1 << 31)) & 0xFFFFFFFF
    return shifted - (1 << 31)


def truncating_divide_by_pot(x: IntArray, exponent: int) -> IntArray:
    """``x / 2**exponent``, truncated toward zero as C's division."""
    return np.where(x >= 0, x >> exponent, -(-x >> exponent))


def saturating_rounding_doubling_high_mul(a: IntLike, b: IntLike) -> IntArray:
    """``round(2*a*b / 2**32)``, halves away from zero; ``INT32_MIN * INT32_MIN`` saturates."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    nudge = np.where(product >= 0, 1 << 30, 1 - (1 << 30))
    quotient = truncating_divide_by_pot(product + nudge, 31)
    saturated: IntArray = np.minimum(quotient, INT32_MAX)
    return saturated


def rounding_divide_by_pot(x: IntLike, exponent: IntLike) -> IntArray:
    """``round(x / 2**exponent)``, halves away from zero; ``0 <= exponent <= 31``."""
    x = np.asarray(x, np.int64)
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    threshold = (mask >> 1) + (x < 0)
    rounded: IntArray = (x >> np.asarray(exponent, np.int64)) + ((x & mask) > threshold)
    return rounded


def multiply_by_quantized_multiplier(x: IntLike, multiplier: IntLike, shift: IntLike) -> IntArray:
    """``x * multiplier * 2**(shift - 31)`` with double rounding.

    A left shift wraps at 32 bits, as the library's does.
    """
    shift = np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    shifted = wrap_int32(np.asarray(x, np.int64) << left)
    return rounding_divide_by_pot(saturating_rounding_doubling_high_mul(shifted, multiplier), right)


def reduced_multiplier(multiplier: IntLike) -> IntArray:
    """The 15 bits of a 31-bit multiplier that :func:`requantize_wide` multiplies with.

    Source: ``MultiplyByQuantizedMultiplier(int64_t, ...)``: rounded, and 0x7FFF where that exceeds
    15 bits.
    """
    wide = np.asarray(multiplier, np.int64)
    return np.where(wide < 0x7FFF0000, (wide + (1 << 15)) >> 16, 0x7FFF)


def requantize_wide(x: IntLike, multiplier: IntLike, shift: IntLike) -> IntArray:
    """``x * multiplier / 2**shift``, rounded to nearest, ties upward.

    Args:
        x: Below 2**47 in magnitude.
        multiplier: Of 15 bits; see :func:`reduced_multiplier`.
        shift: 8 ... 46: 15 less the multiplier's own shift.

    Source: ``MultiplyByQuantizedMultiplier(int64_t, ...)``.
    """
    wide, down = np.asarray(x, np.int64), np.asarray(shift, np.int64)
    rounded = wide * np.asarray(multiplier, np.int64) + (np.int64(1) << (down - 1))
    return rounded >> down
