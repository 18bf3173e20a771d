"""Byte pairs: what is packed is what the tile reads; what does not fit is refused."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.kernels.dsp.cases import draw_constants, draw_numbers
from tinycc_ml.kernels.dsp.packing import pack_stream, pair_problem, unpack_pair
from tinycc_ml.kernels.dsp.requantize import Channels, fold_channels
from tinycc_ml.loopir import FUNCTIONS
from tinycc_ml.ops.convolution import ConvNumbers

PLANAR = (0, 2, 1, 3)


def unpack(stream: list[int], shape: tuple[int, int], filters: int, planar: bool) -> dict:
    """Weights, biases and constants, read from the stream in its order."""
    channels, k = shape
    words = iter(stream)
    weight = np.zeros((channels + 1, k), np.int64)
    bias, scales = [], []
    for start in range(0, channels, filters):
        live = min(filters, channels - start)
        pairs = (live + 1) // 2
        for _ in range(pairs):
            both, second = next(words), next(words)
            bias += [(both - second) >> 8, second]
        for step in range(k // 2):
            for pair in range(pairs):
                word = next(words)
                for i in range(2):
                    at = 2 * step + i
                    at = at // 4 * 4 + PLANAR[at % 4] if planar else at
                    weight[start + 2 * pair : start + 2 * pair + 2, at] = unpack_pair(word, i)
        scales += [(next(words), next(words), next(words)) for _ in range(live)]
    assert next(words, None) is None
    return {"weight": weight[:channels], "bias": bias[:channels], "scales": scales}


@pytest.mark.parametrize("seed", range(60))
def test_round_trip(seed):
    r = Random(seed)
    channels, k = r.randint(1, 20), 4 * r.randint(1, 9)
    constants = [c.array for c in draw_constants(r, (channels, k))]
    folded = fold_channels(draw_numbers(r, r.choice([0, 5, -128])), *constants)
    if isinstance(folded, str) or pair_problem(folded):
        return
    filters, planar = r.choice([4, 8]), r.random() < 0.5
    stream = pack_stream(folded, filters, planar=planar)
    found = unpack(stream.tolist(), (channels, k), filters, planar)
    assert np.array_equal(found["weight"], folded.weight)
    assert found["bias"] == folded.bias.tolist()
    expected = zip(folded.multiplier, folded.rounding, folded.exponent, strict=True)
    assert found["scales"] == [tuple(map(int, row)) for row in expected]


def test_one_scale_stands_at_the_start():
    weight = np.arange(24, dtype=np.int8).reshape(6, 4)
    scale = (np.array([1 << 30], np.int32), np.array([-5], np.int8))
    numbers = ConvNumbers(0, 3, -128, 127)
    folded = fold_channels(numbers, weight, np.arange(6, dtype=np.int32), *scale, shares_scale=True)
    each = pack_stream(folded, 4, planar=False).tolist()
    once = pack_stream(folded, 4, planar=False, shares_scale=True).tolist()
    assert once[:3] == [1 << 30, 16 + (3 << 5), 5]
    groups = [each[:8], each[20:24]]
    assert once[3:11] == groups[0] and once[11:15] == groups[1] and len(once) == 3 + 8 + 4


def test_every_pair_of_weights_survives():
    first, second = (x.reshape(-1) for x in np.meshgrid(np.arange(-127, 128), np.arange(-128, 128)))
    for index in range(2):
        for f, g in zip(first.tolist(), second.tolist(), strict=True):
            word = ((256 * f + g) & 0xFFFF) << 16 * index
            word -= (word & 1 << 31) << 1
            assert unpack_pair(word, index) == (f, g)
            assert FUNCTIONS["byte_pair_first"].meaning(word, index) == f
            assert FUNCTIONS["byte_pair_second"].meaning(word, index) == g


def channels(weight: list[list[int]], bias: list[int]) -> Channels | str:
    """Folded channels with a plain scale."""
    w, b = np.array(weight, np.int8), np.array(bias, np.int32)
    one = np.ones(1, np.int32)
    relu = ConvNumbers(0, -128, -128, 127)
    return fold_channels(relu, w, b, one << 30, (one * -9).astype(np.int8))


@pytest.mark.parametrize(
    ("weight", "fits"),
    [
        ([[-127] * 4, [-128] * 4], True),
        ([[-128] * 4, [0] * 4], True),
        ([[-128] * 4, [-1] * 4], False),
        ([[1, 2, 3, -128], [1, 2, 3, -128]], False),
        ([[5] * 4, [5] * 4, [-128] * 4], True),
        ([[5] * 4, [5] * 4, [-128] * 4, [-1] * 4], False),
    ],
)
def test_weights_of_minus_128(weight, fits):
    folded = channels(weight, [0] * len(weight))
    assert isinstance(folded, Channels)
    problem = pair_problem(folded)
    assert (problem is None) == fits
    assert fits or "-128" in problem


def test_sums_of_the_first_filter_have_24_bits():
    weight = [[127] * 516, [127] * 516]
    highest = 127 * 127 * 516
    room = (1 << 23) - 1 - highest
    assert pair_problem(channels(weight, [room, 0])) is None
    assert "24 bits" in pair_problem(channels(weight, [room + 1, 0]))
    # The second filter of a pair has no such limit.
    assert pair_problem(channels(weight, [0, 1 << 26])) is None


def test_dead_channels_may_have_any_bias():
    folded = channels([[0] * 4, [1] * 4], [-(1 << 31), 5])
    assert pair_problem(folded) is None
    assert folded.bias.tolist() == [0, 5]
    assert folded.rounding[0] >> folded.exponent[0] == -128
