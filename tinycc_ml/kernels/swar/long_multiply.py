"""Requantization with a 64-bit multiply-accumulate: four instructions per output with a ReLU.

The two-instruction form of :mod:`tinycc_ml.kernels.dsp.requantize` computes, with its constants
``m``, ``C`` and ``e``,

    y = (2 * sum * m + 2^32 * C + 2^31 >> 32) >> e

SMLAL adds a product to 64 bits, so that ``R = 2^32 * C + 2^31`` is where it starts. Without the
correction of negative sums the whole may be halved: ``sum * m + R / 2``, shifted by one less; and
the bias, times ``m``, moves into the start as well. With the correction ``C`` is one less for
negative sums, so that the true sum is needed: bias and doubling take one instruction together.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.dsp.requantize import Channels

_WORD = 1 << 32


@dataclass(frozen=True, slots=True)
class LongScale:
    """How a channel is requantized; see the module.

    Attributes:
        multiplier: ``m``.
        start_low: Lower word of what the product is added to.
        start_high: Upper word.
        bias: Twice the bias; ``None`` where it is part of the start.
        corrects_sign: Whether the upper word is one less for negative sums.
        shift: The last shift, 0 ... 31.
    """

    multiplier: int
    start_low: int
    start_high: int
    bias: int | None
    corrects_sign: bool
    shift: int


def long_scale(channels: Channels, channel: int, *, corrects_sign: bool) -> LongScale:
    """The form of a channel.

    Args:
        channels: The layer's channels.
        channel: Which one.
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
    """
    m, bias = int(channels.multiplier[channel]), int(channels.bias[channel])
    e = int(channels.exponent[channel])
    start = (int(channels.rounding[channel]) << 32) + (1 << 31)
    # With e = 0 there is no shift left that the halving could be taken from.
    if corrects_sign or e == 0:
        return LongScale(m, start % _WORD, (start >> 32) % _WORD, 2 * bias, corrects_sign, e)
    start = (start >> 1) + bias * m
    return LongScale(m, start % _WORD, (start >> 32) % _WORD, None, False, e - 1)
