"""The two forms of requantization against TensorFlow Lite's, for every sum that can occur."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.dsp.cases import draw_constants, draw_numbers
from tinycc_ml.kernels.dsp.requantize import fold_channels
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.kernels.swar.long_multiply import LongScale, long_scale
from tinycc_ml.kernels.swar.short_multiply import ShortScale, short_scale
from tinycc_ml.kernels.swar.thresholds import sums_of
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels

WORD = 1 << 32
#: More sums than that are tried in steps, and around every change of the output.
ALL = 1 << 20


def short_output(s: ShortScale, sums: np.ndarray) -> np.ndarray:
    """What the instructions compute, with words of 32 bits."""
    a = sums - s.base
    if s.clamps_low:
        a = np.maximum(a, 0)
    if s.clamps_high:
        a = np.minimum(a, s.range)
    assert a.min() >= 0
    assert a.max() * s.high < WORD
    assert a.max() * s.low < WORD
    extra = np.where(a >= -s.base, s.extra, 0)
    total = (a * s.high + (a * s.low >> s.cut) + s.rounding + extra) % WORD
    return (total >> s.shift).astype(np.uint8).view(np.int8) if total.size else total


def long_output(s: LongScale, sums: np.ndarray, bias: int) -> np.ndarray:
    """What the instructions compute; Python's integers stand for 64 bits."""
    start = s.start_high << 32 | s.start_low
    if s.bias is None:
        totals = [(start + int(x - bias) * s.multiplier) % (1 << 64) for x in sums]
    else:
        doubled = [s.bias + 2 * int(x - bias) for x in sums]
        start_of = [(start - (s.corrects_sign << 32)) if x < 0 else start for x in doubled]
        totals = [
            (a + x * s.multiplier) % (1 << 64) for a, x in zip(start_of, doubled, strict=True)
        ]
    high = np.array([t >> 32 for t in totals], np.uint32).view(np.int32)
    return np.clip(high >> s.shift, -128, 127)


def tried(low: int, high: int, changes: np.ndarray) -> np.ndarray:
    """The sums to try."""
    if high - low < ALL:
        return np.arange(low, high + 1)
    near = (changes[:, None] + np.arange(-2, 3)).reshape(-1)
    steps = np.linspace(low, high, 1 << 14).astype(np.int64)
    return np.clip(np.unique(np.concatenate([steps, near])), low, high)


def layer(seed: int) -> tuple[ConvNumbers, list[np.ndarray]]:
    r = Random(seed)
    constants = draw_constants(r, (3, r.choice([1, 9, 27, 64, 576])))
    return draw_numbers(r, r.choice([0, -128, 5])), [c.array for c in constants]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_short_products(seed):
    numbers, (weight, bias, multiplier, shift) = layer(seed)
    sums = sums_of(numbers, weight, bias, multiplier, shift)
    if isinstance(sums, str):
        return
    for c in range(3):
        m, s = multiplier[c % len(multiplier)], shift[c % len(shift)]
        scale = short_scale(sums, c, int(m), int(s))
        if scale is None or not sums.weight[c].any():
            continue
        x = tried(int(sums.low[c]), int(sums.high[c]), sums.thresholds[c])
        assert np.array_equal(short_output(scale, x), requantize_channels(x, numbers, m, s))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_long_products(seed):
    numbers, (weight, bias, multiplier, shift) = layer(seed)
    channels = fold_channels(numbers, weight, bias, multiplier, shift)
    if isinstance(channels, str):
        return
    for c in range(3):
        scale = long_scale(channels, c, corrects_sign=corrects_sign(numbers))
        low, high = int(channels.low[c]), int(channels.high[c])
        x = np.unique(np.linspace(low, high, 3000).astype(np.int64))
        found = np.clip(
            long_output(scale, x, int(channels.bias[c])), numbers.output_min, numbers.output_max
        )
        if channels.weight[c].any():
            m, s = multiplier[c % len(multiplier)], shift[c % len(shift)]
            assert np.array_equal(found, requantize_channels(x, numbers, m, s))
        else:
            assert len(set(found.tolist())) == 1


def channel() -> tuple[ConvNumbers, np.ndarray, ShortScale]:
    """One channel of 64 weights without a ReLU: its sums, and their requantization."""
    numbers = ConvNumbers(0, 3, -128, 127)
    rng = np.random.default_rng(1)
    weight = rng.integers(-127, 128, (1, 64)).astype(np.int8)
    arrays = weight, np.array([700]), np.array([1518500250]), np.array([-10])
    sums = sums_of(numbers, *arrays)
    assert not isinstance(sums, str)
    scale = short_scale(sums, 0, 1518500250, -10)
    assert scale is not None
    x = np.arange(int(sums.low[0]), int(sums.high[0]) + 1)
    return numbers, x, scale


@pytest.mark.parametrize(
    "fault",
    [
        lambda s: replace(s, base=s.base + 1),
        lambda s: replace(s, range=s.range - 400),
        lambda s: replace(s, high=s.high + 1),
        lambda s: replace(s, rounding=s.rounding + (1 << s.shift - 2)),
        lambda s: replace(s, extra=0),
        lambda s: replace(s, shift=s.shift - 1),
    ],
)
def test_planted_faults_are_seen(fault):
    numbers, x, scale = channel()
    expected = requantize_channels(x, numbers, np.array(1518500250), np.array(-10))
    assert np.array_equal(short_output(scale, x), expected)
    assert scale.extra  # a case where negative sums are rounded the other way
    assert not np.array_equal(short_output(fault(scale), x), expected)


def test_thresholds_are_where_the_output_changes():
    numbers, (weight, bias, multiplier, shift) = layer(11)
    sums = sums_of(numbers, weight, bias, multiplier, shift)
    assert not isinstance(sums, str)
    for c in range(3):
        m, s = multiplier[c % len(multiplier)], shift[c % len(shift)]
        for i in range(int(sums.highest[c] - sums.lowest[c])):
            at = sums.thresholds[c, i]
            before, there = (requantize_channels(x, numbers, m, s) for x in (at - 1, at))
            assert before < int(sums.lowest[c]) + i + 1 <= there
