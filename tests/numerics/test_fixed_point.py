"""The fixed-point arithmetic against exact rational numbers."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.numerics import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
    wrap_int32,
)

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1
int32s = st.integers(INT32_MIN, INT32_MAX) | st.sampled_from(
    [INT32_MIN, INT32_MIN + 1, -1, 0, 1, INT32_MAX - 1, INT32_MAX]
)
many = settings(max_examples=500)


def half_away(x: Fraction) -> int:
    whole = math.floor(abs(x) + Fraction(1, 2))
    return whole if x >= 0 else -whole


@many
@given(st.integers(-(2**62), 2**62))
def test_wrap_int32_keeps_the_low_bits(x: int) -> None:
    wrapped = int(wrap_int32(x))
    assert INT32_MIN <= wrapped <= INT32_MAX
    assert (wrapped - x) % 2**32 == 0


@many
@given(int32s, int32s)
@example(INT32_MIN, INT32_MIN)
@example(1, 1 << 30)
@example(-1, 1 << 30)
def test_high_mul(a: int, b: int) -> None:
    # The library truncates toward zero after a nudge of half, which for negative products is one
    # short of half: negative halves go up, not away from zero.
    nudge = 2**30 if a * b >= 0 else 1 - 2**30
    exact = math.trunc(Fraction(a * b + nudge, 2**31))
    assert int(saturating_rounding_doubling_high_mul(a, b)) == min(exact, INT32_MAX)
    assert abs(exact - Fraction(a * b, 2**31)) <= Fraction(1, 2)


@many
@given(int32s, st.integers(0, 31))
def test_rounding_divide_by_pot(x: int, exponent: int) -> None:
    assert int(rounding_divide_by_pot(x, exponent)) == half_away(Fraction(x, 2**exponent))


@many
@given(int32s, st.integers(2**30, INT32_MAX), st.integers(-31, 30))
def test_multiply_rounds_twice(x: int, multiplier: int, shift: int) -> None:
    high = saturating_rounding_doubling_high_mul(wrap_int32(x << max(shift, 0)), multiplier)
    expected = int(rounding_divide_by_pot(high, max(-shift, 0)))
    assert int(multiply_by_quantized_multiplier(x, multiplier, shift)) == expected
    # Within one unit of the real product wherever the left shift does not wrap.
    if abs(x) << max(shift, 0) < INT32_MAX:
        assert abs(expected - Fraction(x * multiplier) * Fraction(2) ** (shift - 31)) <= 1


def test_two_roundings_differ_from_one() -> None:
    # 0.4999... of a unit becomes a half in the first rounding and a whole one in the second.
    assert int(multiply_by_quantized_multiplier(1, INT32_MAX, -1)) == 1


def test_arrays_broadcast() -> None:
    x = np.array([[-5, 0, 7], [100, -100, INT32_MAX]])
    multipliers, shifts = np.array([2**30, 2**30 + 1, INT32_MAX]), np.array([1, -3, 0])
    got = multiply_by_quantized_multiplier(x, multipliers, shifts)
    for row, column in np.ndindex(x.shape):
        one = multiply_by_quantized_multiplier(
            int(x[row, column]), int(multipliers[column]), int(shifts[column])
        )
        assert got[row, column] == one


@many
@given(st.floats(2.0**-32, 2.0**29))
def test_quantize_multiplier_is_the_nearest(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert 2**30 <= multiplier <= INT32_MAX
    assert -31 <= shift <= 30
    exact = Fraction(real) * Fraction(2) ** (31 - shift)
    if multiplier == 2**30 and exact < multiplier:
        # Rounding carried into the next power of two: half the mantissa, one more bit.
        assert Fraction(1, 4) >= multiplier - exact
    else:
        assert multiplier == half_away(exact)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (2**30, 1)),
        (0.5, (2**30, 0)),
        (1.0 - 2.0**-53, (2**30, 1)),
        (0.5 + 2.0**-32, (2**30 + 1, 0)),
        (0.5 + 2.0**-32 - 2.0**-53, (2**30, 0)),
        (2.0**-32, (2**30, -31)),
        (2.0**-32 * (1 - 2.0**-53), (2**30, -31)),
        (2.0**-32 * (1 - 2.0**-30), (0, 0)),
        (2.0**-33, (0, 0)),
        (5e-324, (0, 0)),
        (2.0**30 - 1, (INT32_MAX - 1, 30)),
    ],
)
def test_quantize_multiplier_at_its_limits(real: float, expected: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [2.0**30, 1e300, math.inf, math.nan, -1.0, -1e-300])
def test_factors_that_the_library_leaves_undefined_are_refused(real: float) -> None:
    with pytest.raises(UnsupportedError, match="scale factor"):
        quantize_multiplier(real)
