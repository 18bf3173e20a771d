from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml.numerics import (
    SOFTMAX_MAX_DEPTH,
    softmax_exp_table,
    softmax_int8,
    softmax_real_multiplier,
)
from tinycc_ml.numerics.softmax import count_leading_zeros, softmax_exponent, softmax_scale
from tinycc_ml.numerics.transcendental import exp_on_negative_values, one_over_one_plus_x


def test_exp_is_close_to_the_exponential():
    for bits in range(1, 6):
        a = -np.linspace(0, 2**31 - 1, 50_001).astype(np.int64)
        found = exp_on_negative_values(a, bits) / 2**31
        assert np.abs(found - np.exp(a * 2.0 ** (bits - 31))).max() < 4e-7


def test_reciprocal_is_close():
    a = np.linspace(0, 2**31 - 1, 50_001).astype(np.int64)
    assert np.abs(one_over_one_plus_x(a) / 2**31 - 1 / (1 + a / 2**31)).max() < 1e-8


@given(total=st.integers(1, (1 << 28) - 1))
def test_scale_and_exponent_are_the_reciprocal(total):
    real = total / 2**19
    # What an exponential of 1 contributes: the output has 8 fractional bits.
    found = softmax_scale(total) * 2.0 ** -softmax_exponent(total)
    assert found == pytest.approx(256 / real, rel=1e-8)


@pytest.mark.parametrize("total", [1 << 28, 1 << 30, (1 << 31) - 1])
def test_sums_too_large_for_any_output(total):
    assert (softmax_scale(total), softmax_exponent(total)) == (0, 31)


def test_leading_zeros():
    values = [0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
    assert [count_leading_zeros(x) for x in values] == [32, 31, 30, 30, 1, 0, 0]


@given(exponent=st.floats(-25, 10), beta=st.sampled_from([0.5, 1.0, 3.0]))
def test_tables_fall_and_end_in_zero_unless_full(exponent, beta):
    scale = 2.0**exponent
    if softmax_real_multiplier(beta, scale) <= 1:
        return
    table = softmax_exp_table(beta, scale)
    assert table[0] == 2**31 - 1
    assert (np.diff(table) <= 0).all()
    assert 2 <= table.size <= 256
    assert table.size == 256 or (table[-1] == 0 and table[-2] > 0)
    expected = np.exp(-beta * scale * np.arange(table.size))
    assert np.abs(table / 2**31 - expected).max() < 1e-6


@given(
    row=st.lists(st.integers(-128, 127), min_size=1, max_size=300),
    scale=st.sampled_from([0.01, 0.1, 0.5, 4.0]),
)
def test_rows_are_close_to_softmax(row, scale):
    x = np.array(row)
    exps = np.exp(scale * (x - x.max()))
    found = softmax_int8(x, softmax_exp_table(1.0, scale)) + 128
    # Every share is exact to half a step, except that 1 does not fit.
    assert np.abs(found - np.minimum(256 * exps / exps.sum(), 255)).max() <= 0.51


def test_the_longest_row_does_not_overflow():
    table = softmax_exp_table(1.0, 0.1)
    equal = np.zeros(SOFTMAX_MAX_DEPTH, np.int8)
    assert (softmax_int8(equal, table) == -128).all()
    assert SOFTMAX_MAX_DEPTH * ((int(table[0]) + (1 << 11)) >> 12) < 1 << 31
