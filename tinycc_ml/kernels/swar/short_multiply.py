"""Requantization on cores that multiply 32 by 32 to 32 bits: two such products, verified.

    a = clamp(sum - base, 0, range)
    output = (a * high + (a * low >> cut) + rounding) >> shift

``high`` and ``low`` are the upper and lower bits of the layer's scale, so short that neither
product needs more than 32 bits. For each channel ``rounding`` is chosen from the thresholds of the
exact function (:mod:`tinycc_ml.kernels.swar.thresholds`): an interval of values gives the
reference's output for every sum that can occur, or is empty. Where TensorFlow Lite rounds negative
sums the other way, the interval would often be empty; then sums from 0 on get ``extra`` as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.swar.thresholds import Sums
from tinycc_ml.numerics.fixed_point import INT32_MAX

_WORD = 1 << 32
#: Bits behind the point of `low`, and bits of `high`, in the order in which they are tried.
_CUTS = (14, 12, 10, 16, 8)
_BITS = tuple(range(23, 6, -1))


@dataclass(frozen=True, slots=True)
class ShortScale:
    """How a channel is requantized; see the module.

    Attributes:
        base: The sum that counts as 0.
        range: The highest ``a``.
        clamps_low: Whether sums below `base` occur.
        clamps_high: Whether sums above `base` + `range` occur.
        high: Upper bits of the scale.
        low: Lower bits.
        cut: How many lower bits there are.
        rounding: Added before the shift; holds the lowest output too (modulo 2^32).
        extra: Added where the sum is not negative; 0 if nowhere.
        shift: The last shift; the output is the lowest byte of the result.
    """

    base: int
    range: int
    clamps_low: bool
    clamps_high: bool
    high: int
    low: int
    cut: int
    rounding: int
    extra: int
    shift: int


def short_scale(sums: Sums, channel: int, multiplier: int, shift: int) -> ShortScale | None:
    """The cheapest exact form for a channel, or ``None`` if none was found.

    Args:
        sums: The layer's sums.
        channel: Which channel.
        multiplier: Its multiplier.
        shift: Its shift.
    """
    lowest, highest = int(sums.lowest[channel]), int(sums.highest[channel])
    if lowest == highest:
        return ShortScale(0, 0, False, False, 0, 0, 14, (lowest & 0xFF) << 14, 0, 14)
    steps = sums.thresholds[channel, : highest - lowest]
    # One below the first threshold every sum gives the lowest output, from the last on the highest.
    base, end = int(steps[0]) - 1, int(steps[-1])
    if max(base - int(sums.low[channel]), int(sums.high[channel]) - base) > INT32_MAX:
        return None
    for high, low, cut, exponent in _splits(multiplier, shift, end - base):
        found = _roundings(steps, base, (high, low, cut, exponent))
        if found is not None:
            rounding, extra = found
            offset = (lowest & 0xFF) << exponent
            return ShortScale(
                base,
                end - base,
                int(sums.low[channel]) < base,
                int(sums.high[channel]) > end,
                high,
                low,
                cut,
                (rounding + offset) % _WORD,
                extra % _WORD,
                exponent,
            )
    return None


def _splits(multiplier: int, shift: int, range_: int) -> Iterator[tuple[int, int, int, int]]:
    """(high, low, cut, shift) for which no product needs more than 32 bits."""
    for bits in _BITS:
        # The scale is multiplier * 2^(shift - 31), and high has so many bits.
        exponent = 31 - shift + bits - multiplier.bit_length()
        # The output's byte must lie within the word.
        if not 0 <= exponent <= 24:
            continue
        for cut in _CUTS:
            behind = 31 - shift - exponent - cut
            if behind < -8:
                continue
            half = (1 << behind) >> 1 if behind > 0 else 0
            value = (multiplier + half) >> behind if behind > 0 else multiplier << -behind
            high, low = value >> cut, value & ((1 << cut) - 1)
            if range_ * (high + 1) < _WORD and range_ * low < _WORD:
                yield high, low, cut, exponent


def _roundings(steps: Array, base: int, split: tuple[int, int, int, int]) -> tuple[int, int] | None:
    """Rounding and extra that give every threshold, or ``None``."""
    high, low, cut, exponent = split

    def value(a: Array) -> Array:
        products: Array = a * high + (a * low >> cut)
        return products

    a = steps - base
    outputs = np.arange(1, len(a) + 1, dtype=np.int64) << exponent
    # Reached at the threshold, not reached just before it.
    least, most = outputs - value(a), outputs - 1 - value(a - 1)
    # The lowest output at 0 and the highest at the end are what stands there, or further out.
    least = np.append(least, 0)
    most = np.append(most, outputs[-1] + (1 << exponent) - 1 - int(value(a[-1:])[0]))
    if least.max() <= most.min():
        return _between(least, most), 0
    # A threshold at t compares t with t - 1: both must get the same rounding, which fails at most
    # for the one at sum 0, whose sides are told apart.
    at, before = np.append(steps, base), np.append(steps - 1, int(steps[-1]))
    sides = []
    for is_negative in (True, False):
        reached = least[(at < 0) == is_negative]
        missed = most[(before < 0) == is_negative]
        if reached.size and missed.size and reached.max() > missed.min():
            return None
        if not (reached.size and missed.size):
            return None
        sides.append(_between(reached, missed))
    negative, positive = sides
    return negative, positive - negative


def _between(least: Array, most: Array) -> int:
    return (int(least.max()) + int(most.min())) // 2
