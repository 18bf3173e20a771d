"""The vector requantization against TensorFlow Lite's double rounding."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kernels.dsp.test_requantize import KINDS, MULTIPLIERS, RELU, sums
from tinycc_ml.kernels.mve.requantize import Channels, fold_channels
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels


def as_the_core(acc: np.ndarray, c: Channels, numbers: ConvNumbers) -> np.ndarray:
    """VQRDMULH, VSHR, VADD, VRSHL, VADD and saturation as the architecture manual defines them."""
    acc = acc.astype(object)
    high = (2 * acc * int(c.multiplier[0]) + (1 << 31)) >> 32
    high = np.clip(high, INT32_MIN, INT32_MAX)
    if corrects_sign(numbers):
        high = high + (high >> 31)
        assert min(high) >= INT32_MIN
    exponent = -int(c.shift[0])
    shifted = (high + ((1 << exponent) >> 1)) >> exponent
    found = np.clip(shifted + numbers.output_zero_point, INT32_MIN, INT32_MAX)
    return np.clip(found, numbers.output_min, numbers.output_max).astype(np.int64)


def channel(multiplier: int, exponent: int) -> Channels:
    """One channel, for any sums."""
    one = np.array([[0]])
    return Channels(one, one[0], np.array([multiplier]), np.array([-exponent]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exponent", range(32))
def test_is_exact_at_every_tie(kind, exponent):
    numbers = KINDS[kind]
    if exponent == 0 and corrects_sign(numbers):
        return  # refused: see below
    for multiplier in MULTIPLIERS:
        limits = np.array([INT32_MIN, INT32_MIN + 1, INT32_MAX - 1, INT32_MAX], object)
        acc = np.concatenate([sums(multiplier, exponent), limits])
        m, s = np.array([multiplier]), np.array([-exponent])
        expected = requantize_channels(acc.astype(np.int64), numbers, m, s)
        assert np.array_equal(as_the_core(acc, channel(multiplier, exponent), numbers), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_shift(kind):
    """Refused where something would be subtracted."""
    constants = (np.full((1, 9), 127, np.int8), np.zeros(1, np.int32))
    scale = (np.array([1 << 30], np.int32), np.zeros(1, np.int8))
    found = fold_channels(KINDS[kind], *constants, *scale)
    refused = isinstance(found, str) and "shift 0" in found
    assert refused == corrects_sign(KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_constant_channels_keep_their_output(kind):
    numbers = KINDS[kind]
    for bias in (-(1 << 31), -(1 << 20), 0, (1 << 31) - 1):
        for multiplier, shift in ((0, 0), (1 << 30, -31), ((1 << 31) - 1, 0)):
            constants = (
                np.zeros((1, 2), np.int8),
                np.array([bias], np.int32),
                np.array([multiplier], np.int32),
                np.array([shift], np.int8),
            )
            c = fold_channels(numbers, *constants)
            assert isinstance(c, Channels)
            expected = requantize_channels(np.array([bias]), numbers, *constants[2:])
            assert np.array_equal(as_the_core(c.bias, c, numbers), expected)


def test_left_shifts_are_refused():
    one = np.ones(1, np.int32)
    reason = fold_channels(RELU, np.ones((1, 2), np.int8), one, one << 30, one.astype(np.int8))
    assert isinstance(reason, str) and "left" in reason
