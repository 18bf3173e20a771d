"""Byte pairs: two filters in the halves of a word, and the stream that a tile reads.

A half of a word is ``256*f0[k] + f1[k]``, the weights of two filters for one element of the column;
the word's low half is element ``k``, its high half ``k + 1``. A dual multiply-accumulate with the
word as it is gives ``256*S0 + S1``, one with its sign-extended low bytes (SXTB16) gives ``S1``; at
the end ``S0 = (256*S0 + S1 - S1) >> 8``. That takes one byte of flash per weight and one SXTB16 for
four weights. It is exact if

- every half fits int16: all do but -128 in the first filter with less than 0 in the second;
- ``S0`` fits 24 bits for every input, because ``256*S0`` must be known modulo 2^32 only;
- ``256*b0 + b1`` fits int32, so that plain C finds ``b0`` again in the stream.

The stream holds, for each group of filters: a bias word for each filter (``256*b0 + b1``, ``b1``),
the words of the weights by step of the column, then multiplier, rounding and exponent of each.
Where all filters share one scale, its three words stand once, at the start of the stream.
"""

from __future__ import annotations

from dataclasses import fields as dataclass_fields
from dataclasses import replace

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.dsp.requantize import Channels
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN

_S0_LIMIT = 1 << 23


def pair_problem(channels: Channels) -> str | None:
    """Why the channels cannot be packed in byte pairs, or ``None``."""
    c = _even(channels)
    first, second = c.weight[::2], c.weight[1::2]
    halves = 256 * first + second
    if halves.min() < -(1 << 15):
        channel = 2 * int(halves.min(axis=1).argmin())
        return f"channel {channel} has weights of -128, which a byte pair cannot hold; allowed -127"
    wide = (c.low[::2] < -_S0_LIMIT) | (c.high[::2] >= _S0_LIMIT)
    if wide.any():
        return f"sums of channel {2 * int(wide.argmax())} need more than 24 bits"
    # What C adds up must not overflow in any order.
    reach = np.abs(c.bias) + 128 * np.abs(c.weight).sum(axis=1)
    together = np.abs(256 * c.bias[::2] + c.bias[1::2])
    if (
        reach.max() > INT32_MAX
        or together.max() > INT32_MAX
        or np.abs(c.bias[::2]).max() >= _S0_LIMIT
    ):
        return "biases with the zero point folded in do not fit their words"
    return None


def pack_stream(
    channels: Channels, filters: int, *, planar: bool, shares_scale: bool = False
) -> Array:
    """The stream of a tile.

    Args:
        channels: The layer; K is even, and a multiple of 4 if `planar`.
        filters: How many filters the tile computes at a time, 4 or 8.
        planar: Whether a column holds the elements of each four in the order 0, 2, 1, 3.
        shares_scale: Whether all filters have the same multiplier, rounding and exponent.

    Returns:
        int32, one-dimensional.
    """
    if planar:
        k = channels.weight.shape[1]
        permuted = channels.weight.reshape(-1, k // 4, 4)[:, :, [0, 2, 1, 3]].reshape(-1, k)
        channels = replace(channels, weight=permuted)
    count = len(channels.bias)
    even = _even(channels)
    head = [_scales(channels, 0, 1)] if shares_scale else []
    groups = [
        _group(even, start, min(start + filters, count), scales=not shares_scale)
        for start in range(0, count, filters)
    ]
    stream = np.concatenate([*head, *groups])
    assert stream.min() >= INT32_MIN and stream.max() <= INT32_MAX  # pair_problem
    return stream.astype(np.int32)


def fill_up(c: Channels, filters: int) -> Channels:
    """With filters of zeros behind the last one, up to a multiple of `filters`."""
    extra = -len(c.bias) % filters
    fields = {f.name: getattr(c, f.name) for f in dataclass_fields(c)}
    padded = {n: np.pad(x, [(0, extra), *[(0, 0)] * (x.ndim - 1)]) for n, x in fields.items()}
    return Channels(**padded)


def unpack_pair(word: int, index: int) -> tuple[int, int]:
    """The weights ``(f0, f1)`` of element `index` (0, 1) in a word."""
    half = ((word >> 16 * index) & 0xFFFF ^ 0x8000) - 0x8000
    return (half + 128) >> 8, ((half & 0xFF) ^ 0x80) - 0x80


def _group(c: Channels, start: int, end: int, *, scales: bool) -> Array:
    even_end = end + (end - start) % 2
    bias, weight = c.bias[start:even_end], c.weight[start:even_end]
    biases = np.stack([256 * bias[::2] + bias[1::2], bias[1::2]], axis=1)
    halves = 256 * weight[::2] + weight[1::2]
    words = (halves[:, ::2] & 0xFFFF) | (halves[:, 1::2] << 16)
    constants = [_scales(c, start, end)] if scales else []
    return np.concatenate([biases.reshape(-1), words.T.reshape(-1), *constants])


def _scales(c: Channels, start: int, end: int) -> Array:
    """Multiplier, rounding and exponent of each filter."""
    columns = (c.multiplier[start:end], c.rounding[start:end], c.exponent[start:end])
    flat: Array = np.stack(columns, axis=1).reshape(-1)
    return flat


def _even(c: Channels) -> Channels:
    """With a filter of zeros behind an odd last one."""
    extra = len(c.bias) % 2
    bias, low, high = (np.pad(x, (0, extra)) for x in (c.bias, c.low, c.high))
    return replace(c, weight=np.pad(c.weight, ((0, extra), (0, 0))), bias=bias, low=low, high=high)
