"""The two-instruction requantization against TensorFlow Lite's double rounding."""

from __future__ import annotations

import numpy as np
import pytest

from tinycc_ml.kernels.dsp.requantize import Channels, fold_channels
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.loopir import FUNCTIONS
from tinycc_ml.numerics import wrap_int32
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels

MULTIPLIERS = (1 << 30, (1 << 30) + 1, 0x5A827999, (1 << 31) - 1)
RELU = ConvNumbers(0, -128, -128, 127)
KINDS = {
    "relu": RELU,
    "none": ConvNumbers(0, 11, -128, 127),
    "none_low": ConvNumbers(0, -127, -128, 127),
    "none_high": ConvNumbers(0, 127, -128, 127),
    "relu_zp": ConvNumbers(0, -5, -5, 127),
    "clamp": ConvNumbers(0, 3, -20, 50),
}


def as_the_core(acc: np.ndarray, c: Channels, numbers: ConvNumbers) -> np.ndarray:
    """SMMLAR, ASR, SSAT as the architecture manual defines them, and the clamp."""
    doubled = wrap_int32(2 * acc)
    rounding = int(c.rounding[0])
    if numbers.output_min < numbers.output_zero_point:
        rounding = wrap_int32(rounding + (doubled >> 31))
    product = doubled * int(c.multiplier[0])
    high = wrap_int32(((rounding * (1 << 32) + product + (1 << 31)) >> 32).astype(np.int64))
    return np.clip(high >> int(c.exponent[0]), numbers.output_min, numbers.output_max)


def sums(multiplier: int, exponent: int) -> np.ndarray:
    """Accumulators around every rounding step, zero and the limits."""
    step = 2.0 ** (31 + exponent) / multiplier
    ties = (np.arange(-300, 301) + 0.5) * step
    ties = ties[np.abs(ties) < (1 << 23) - 4]
    near = (np.rint(ties)[:, None] + np.arange(-3, 4)).reshape(-1)
    rng = np.random.default_rng(exponent)
    random = rng.integers(-(1 << 23), 1 << 23, 500)
    limits = np.array([-(1 << 23), (1 << 23) - 1])
    # Python integers: the products of a core have more than 64 bits here.
    found = np.concatenate([near, np.arange(-20, 21), random, limits])
    return found.astype(np.int64).astype(object)


def folded(numbers: ConvNumbers, multiplier: int, exponent: int) -> Channels | str:
    """One channel whose sums can be any of 24 bits."""
    weight = np.full((1, 514), 127, np.int8)
    shift = np.array([-exponent], np.int8)
    return fold_channels(
        numbers, weight, np.zeros(1, np.int32), np.array([multiplier], np.int32), shift
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("exponent", range(1, 32))
def test_is_exact(kind, exponent):
    numbers = KINDS[kind]
    for multiplier in MULTIPLIERS:
        c = folded(numbers, multiplier, exponent)
        if isinstance(c, str):
            assert "no room" in c and exponent >= 23
            continue
        acc = sums(multiplier, exponent)
        acc = acc[(acc >= int(c.low[0])) & (acc <= int(c.high[0]))]
        m, s = np.array([multiplier]), np.array([-exponent])
        expected = requantize_channels(acc.astype(np.int64), numbers, m, s)
        assert np.array_equal(as_the_core(acc, c, numbers), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_functions_are_the_core(kind):
    numbers = KINDS[kind]
    name = "requantize_signed" if corrects_sign(numbers) else "requantize_relu"
    for exponent in (1, 8, 20):
        c = folded(numbers, MULTIPLIERS[2], exponent)
        acc = sums(MULTIPLIERS[2], exponent)
        constants = (int(c.multiplier[0]), int(c.rounding[0]), exponent)
        found = [FUNCTIONS[name].meaning(a, *constants) for a in acc.tolist()]
        clipped = np.clip(found, numbers.output_min, numbers.output_max)
        assert np.array_equal(clipped, as_the_core(acc, c, numbers))


def test_without_a_shift():
    """Exact with a ReLU, where nothing is corrected; refused without."""
    assert "shift 0" in folded(KINDS["none"], 1 << 30, 0)
    c = folded(RELU, 0x5A827999, 0)
    acc = sums(0x5A827999, 0)
    expected = requantize_channels(
        acc.astype(np.int64), RELU, np.array([0x5A827999]), np.array([0])
    )
    assert np.array_equal(as_the_core(acc, c, RELU), expected)


def test_left_shifts_are_refused():
    shift = np.array([1], np.int8)
    one = np.ones(1, np.int32)
    weight = np.ones((1, 2), np.int8)
    assert "left" in fold_channels(RELU, weight, one, one << 30, shift)


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
            expected = requantize_channels(np.array([bias]), numbers, *constants[2:])
            assert int(c.bias[0]) == 0
            assert np.array_equal(as_the_core(np.array([0], object), c, numbers), expected)
