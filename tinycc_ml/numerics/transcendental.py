"""Exponential and reciprocal on fixed-point numbers, as TensorFlow Lite Micro computes them.

A number with ``m`` integer bits stands for ``raw * 2**(m - 31)``. All functions take and return raw
values, as integers or arrays, and compute in int64.

Source: gemmlowp ``fixedpoint.h``.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.numerics.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    IntArray,
    IntLike,
    rounding_divide_by_pot,
)
from tinycc_ml.numerics.fixed_point import saturating_rounding_doubling_high_mul as mul

# exp(-2**k) for k = -2 ... 4, with no integer bits.
_EXP_OF_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)
_EXP_OF_MINUS_EIGHTH = 1895147668
_ONE_THIRD = 715827883
# 48/17 and -32/17 with two integer bits: the first guess of the Newton-Raphson division.
_NEWTON_48_17, _NEWTON_32_17 = 1515870810, -1010580540
# 1.5 with three integer bits, and the root of one half with none.
_HALF_THREE, _HALF_SQRT_2 = (1 << 28) + (1 << 27), 1518500250


def saturating_shift_left(x: IntLike, exponent: int) -> IntArray:
    """``x * 2**exponent``, saturating to 32 bits."""
    result: IntArray = np.clip(np.asarray(x, np.int64) << exponent, INT32_MIN, INT32_MAX)
    return result


def exp_on_negative_values(a: IntLike, integer_bits: int) -> IntArray:
    """``exp(a)`` for ``a <= 0`` with at most 5 integer bits; the result has none."""
    a = np.asarray(a, np.int64)
    quarter = 1 << (29 - integer_bits)
    fraction = (a & (quarter - 1)) - quarter
    result = _exp_on_last_quarter(saturating_shift_left(fraction, integer_bits))
    remainder = fraction - a
    for k, factor in zip(range(-2, integer_bits), _EXP_OF_POWERS, strict=False):
        bit = 1 << (31 - integer_bits + k)
        result = np.where(remainder & bit, mul(result, factor), result)
    return np.where(a == 0, INT32_MAX, result)


def _exp_on_last_quarter(a: IntArray) -> IntArray:
    """``exp(a)`` for ``-1/4 <= a < 0``, no integer bits: Taylor's series around -1/8."""
    x = a + (1 << 28)
    x2 = mul(x, x)
    x3, x4 = mul(x2, x), mul(x2, x2)
    cubic = mul(rounding_divide_by_pot(x4, 2) + x3, _ONE_THIRD)
    series = rounding_divide_by_pot(cubic + x2, 1)
    return _EXP_OF_MINUS_EIGHTH + mul(_EXP_OF_MINUS_EIGHTH, x + series)


def one_over_one_plus_x(a: IntLike) -> IntArray:
    """``1 / (1 + a)`` for ``0 <= a < 1``, no integer bits."""
    return saturating_shift_left(_two_over_one_plus_x(a), 1)


def one_minus_x_over_one_plus_x(a: IntLike) -> IntArray:
    """``(1 - a) / (1 + a)`` for ``0 <= a < 1``, no integer bits."""
    return saturating_shift_left(_two_over_one_plus_x(a) - (1 << 29), 2)


def _two_over_one_plus_x(a: IntLike) -> IntArray:
    """``2 / (1 + a)`` for ``0 <= a < 1``; the result has two integer bits."""
    half_denominator = (np.asarray(a, np.int64) + (1 << 31)) >> 1
    x = _NEWTON_48_17 + mul(half_denominator, _NEWTON_32_17)
    for _ in range(3):
        residual = (1 << 29) - mul(half_denominator, x)
        x = x + saturating_shift_left(mul(x, residual), 2)
    return x


def inverse_square_root(x: IntLike) -> tuple[IntArray, IntArray]:
    """``1 / sqrt(x)`` of int32 as a multiplier and a shift; what is less than 1 counts as 1.

    Returns:
        ``(multiplier, shift)`` with ``1 / sqrt(x) ~ multiplier * 2**(shift - 31)``.

    Source: ``GetInvSqrtQuantizedMultiplierExp`` of TensorFlow Lite's ``internal/common.h``, with
    the reversed shift.
    """
    x = np.maximum(np.asarray(x, np.int64), 1)
    is_one = x == 1
    # At most 29 bits.
    halvings = (x >= 1 << 29).astype(np.int64)
    x = x >> 2 * halvings
    # An even number of bits more, so that the root of the power of two is one.
    bits = np.frexp(x.astype(np.float64))[1].astype(np.int64)
    pairs = (31 - bits) // 2 - 1
    shift, x = 11 + halvings - pairs, x << 2 * pairs
    # Newton-Raphson with three integer bits, from x = 1.
    half = rounding_divide_by_pot(x >> 1, 1)
    root = np.full(x.shape, 1 << 28, np.int64)
    for _ in range(5):
        cube = saturating_shift_left(mul(mul(root, root), root), 6)
        root = saturating_shift_left(mul(_HALF_THREE, root) - mul(half, cube), 3)
    root = mul(root, _HALF_SQRT_2) << np.maximum(-shift, 0)
    return np.where(is_one, INT32_MAX, root), np.where(is_one, 0, -np.maximum(shift, 0))
