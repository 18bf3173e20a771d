from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml.numerics import affine_dequantize, affine_quantize, logistic_int8, requantize

ALL = np.arange(-128, 128)


def half_away(x: Fraction) -> int:
    whole = floor(abs(x) + Fraction(1, 2))
    return whole if x >= 0 else -whole


@given(exponent=st.floats(-20, 2.99), zero_point=st.integers(-128, 127))
def test_logistic_is_close_and_rises(exponent, zero_point):
    scale = float(np.float32(2.0**exponent))
    found = logistic_int8(ALL, scale, zero_point)
    assert (np.diff(found) >= 0).all()
    # With larger scales, inputs beyond the library's radius are not yet saturated in truth.
    if scale <= 0.5:
        expected = 256 / (1 + np.exp(-scale * (ALL - zero_point))) - 128
        assert np.abs(found - np.minimum(expected, 127)).max() <= 0.51


def test_logistic_of_zero_is_one_half_only_below_a_scale_of_eight():
    assert [int(logistic_int8(0, scale, 0)) for scale in (1e-6, 1.0, 7.9, 8.0)] == [0, 0, 0, -128]


def test_requantize_to_the_same_scale_is_a_shift_and_a_clamp():
    assert np.array_equal(requantize(ALL, 1.0, (3, 3), (-128, 127)), ALL)
    assert np.array_equal(requantize(ALL, 1.0, (0, 10), (-100, 100)), (ALL + 10).clip(-100, 100))


def test_requantize_rounds_halves_of_the_product_up_and_those_of_the_shift_away_from_zero():
    assert requantize([-3, -1, 1, 3], 0.5, (0, 0), (-128, 127)).tolist() == [-1, 0, 1, 2]
    assert requantize([-6, -2, 2, 6], 0.25, (0, 0), (-128, 127)).tolist() == [-2, -1, 1, 2]


@given(
    x=st.floats(width=32, allow_nan=False, allow_infinity=False),
    scale=st.floats(2**-20, 2**10, width=32),
    zero_point=st.integers(-128, 127),
)
def test_quantize_is_exact_rounding_of_the_float32_quotient(x, scale, zero_point):
    with np.errstate(over="ignore"):
        quotient = np.float32(x) / np.float32(scale)
    if not np.isfinite(quotient):
        quotient = np.copysign(np.float32(1e30), quotient)
    rounded = half_away(Fraction(float(quotient))) + zero_point
    expected = min(max(rounded, -128), 127)
    assert int(affine_quantize(np.float32(x), scale, zero_point, (-128, 127))) == expected


def test_what_is_not_a_number_becomes_the_zero_point():
    assert int(affine_quantize(np.float32("nan"), 0.5, -7, (-128, 127))) == -7


@given(
    x=st.integers(-32768, 32767),
    scale=st.floats(0, width=32, exclude_min=True, allow_infinity=False, allow_nan=False),
    zero_point=st.integers(-32768, 32767),
)
def test_dequantize_rounds_once(x, scale, zero_point):
    found = affine_dequantize(np.array([x]), scale, zero_point)[0]
    with np.errstate(over="ignore"):
        expected = np.float32(np.float64(scale) * (x - zero_point))
    assert found == expected
