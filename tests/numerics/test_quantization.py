"""Rounding and clamps against exact numbers and against float32 arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.numerics import quantized_clamp, round_half_away

INT8 = (-128, 127)


@settings(max_examples=500)
@given(st.floats(-1e18, 1e18))
@example(0.49999999999999994)
@example(-0.49999999999999994)
@example(0.5)
@example(-0.5)
@example(2.5)
@example(-2.5)
@example(4503599627370497.0)
@example(4503599627370495.5)
@example(-0.0)
def test_round_half_away_is_exact(x: float) -> None:
    whole = math.floor(abs(Fraction(x)) + Fraction(1, 2))
    assert round_half_away(x) == (whole if x >= 0 else -whole)


def test_clamps_without_limits_are_those_of_the_type() -> None:
    assert quantized_clamp(None, None, 0.1, 3, INT8) == INT8


@pytest.mark.parametrize(
    ("low", "high", "scale", "zero_point", "expected"),
    [
        (0.0, None, 0.5, -3, (-3, 127)),
        (0.0, 6.0, 0.5, -3, (-3, 9)),
        (0.0, 6.0, 0.01, -128, (-128, 127)),
        (-1.0, 1.0, 0.5, 127, (125, 127)),
        (-1.0, 1.0, 2.0, 0, (-1, 1)),
        (-1.0, 1.0, 2.0, -128, (-128, -127)),
    ],
)
def test_clamps(
    low: float, high: float | None, scale: float, zero_point: int, expected: tuple[int, int]
) -> None:
    assert quantized_clamp(low, high, scale, zero_point, INT8) == expected


def test_limits_are_divided_in_float32() -> None:
    # Scales near 6 / (k + 0.5) whose quotient is k + 0.4999... in double, but k + 0.5 in float32.
    differing = 0
    for k in range(1, 126):
        scale = np.float32(6 / (k + 0.5))
        for s in (scale, np.nextafter(scale, np.float32(9))):
            if 6 / float(s) < k + 0.5 and np.float32(6) / s == k + 0.5:
                differing += 1
                assert quantized_clamp(0.0, 6.0, float(s), 0, INT8) == (0, k + 1)
    assert differing


@pytest.mark.parametrize("scale", [1e-9, 1e-45])
def test_limits_that_exceed_int32_are_refused(scale: float) -> None:
    with pytest.raises(UnsupportedError, match="activation limit 6"):
        quantized_clamp(0.0, 6.0, float(np.float32(scale)), 0, INT8)
    # Zero is zero at any scale.
    assert quantized_clamp(0.0, None, float(np.float32(scale)), 4, INT8) == (4, 127)
