"""Sums of two lanes in one word: exact for the worst data."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycc_ml.kernels.swar.chunks import Chunk

WORD = 1 << 32
WEIGHTS = st.lists(st.integers(-128, 127), min_size=1, max_size=80)


def signed(x: int) -> int:
    return ((x + (1 << 31)) % WORD) - (1 << 31)


def lanes(weights: list[int], words: list[int], chunk_of: list[int]) -> tuple[int, int]:
    """Both sums as the registers give them; `chunk_of` numbers the chunks."""
    total = upper = flushes = 0
    for chunk in dict.fromkeys(chunk_of):
        sum_ = 0x8000
        for weight, word, number in zip(weights, words, chunk_of, strict=True):
            if number == chunk:
                sum_ = (sum_ + weight * word) % WORD
        total, upper, flushes = total + sum_, upper + (signed(sum_) >> 16), flushes + 1
    return signed(total - 0x8000 * flushes - (upper << 16)), signed(upper)


def chunked(weights: list[int]) -> list[int]:
    numbers, chunk = [], Chunk()
    for weight in weights:
        if not chunk.takes(weight):
            chunk = Chunk()
            assert chunk.takes(weight)
            numbers.append(numbers[-1] + 1)
        else:
            numbers.append(numbers[-1] if numbers else 0)
    return numbers


@settings(max_examples=300, deadline=None)
@given(WEIGHTS, st.integers(0, 2**32), st.sampled_from(["random", "limits", "worst", "best"]))
def test_any_data(weights, seed, kind):
    rng = np.random.default_rng(seed)
    w = np.array(weights)
    a, b = rng.integers(-128, 128, (2, len(w)))
    if kind == "limits":
        a, b = rng.choice([-128, 127], (2, len(w)))
    if kind in ("worst", "best"):
        towards = 1 if kind == "best" else -1
        a = np.where(w * towards > 0, 127, -128)
        b = rng.choice([a, -a - 1])
    words = [int(x) + 65536 * int(y) for x, y in zip(a, b, strict=True)]
    assert lanes(weights, words, chunked(weights)) == (int(w @ a), int(w @ b))


def test_one_weight_more_would_overflow():
    weights = [127, 127, 2, 1]
    assert chunked(weights) == [0, 0, 0, 1]
    words = [-128] * 4
    assert lanes(weights, words, [0, 0, 0, 0]) != (-128 * 257, 0)
