"""The stream that a product tile reads, and the layers for which its arithmetic is exact.

With ``s = scale_bits``, a tile has ``x = 2^s * acc`` modulo 2^32, which is the number itself if
``-2^(31-s) <= acc < 2^(31-s)`` for every accumulator that can occur. Requantization is that of
:mod:`tinycc_ml.kernels.dsp.requantize` on the finer scale:

    y = (SMMLA(x, m, R) - (2^(s-1) if acc < 0 else 0)) >> (e + s - 1),   R = 2^(s-1) * C + 2^(s-2)

SMMLA gives ``R + floor(x*m / 2^32)``, and ``x*m / 2^32 = 2^(s-1) * acc*m / 2^31``. A quotient of a
sum rounded down does not change if the sum's terms are rounded down to integers before, so that
``2^(s-2)``, a half, does what SMMLAR did, and the output is the same; if nothing leaves 32 bits.

The stream holds, for each group of filters: the words of the transformed weights, by position, step
and filter; then for each filter the bias at each corner, the bias everywhere else, m, R and
``e + s - 1``. Biases are ``2^s`` times that of a sum over inputs plus 128, less what `lift` adds,
modulo 2^32.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.dsp.requantize import Channels
from tinycc_ml.kernels.dsp.winograd_algorithm import TAPS, Algorithm
from tinycc_ml.kernels.dsp.winograd_tile import FILTERS, ProductTile, channel_of
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN

#: What the rows hold more than the input.
INPUT_OFFSET = 128


def packing_problem(algorithm: Algorithm, channels: Channels, *, corrects_sign: bool) -> str | None:
    """Why the tile would not be exact for some filter, or ``None``."""
    c, s = channels, algorithm.scale_bits
    limit = 1 << 31 - s
    wide = (c.low < -limit) | (c.high >= limit)
    if wide.any():
        return f"sums of channel {int(wide.argmax())} need more than {32 - s} bits"
    rounding = _rounding(algorithm, c)
    correction = corrects_sign << s - 1
    ends = [rounding + ((x << s) * c.multiplier >> 32) for x in (c.low, c.high)]
    exceeds = (ends[0] - correction < INT32_MIN) | (ends[1] > INT32_MAX)
    exceeds |= (rounding - correction < INT32_MIN) | (rounding > INT32_MAX)
    if exceeds.any():
        return f"the sums of channel {int(exceeds.argmax())} leave no room for the zero point"
    return None


def pack_products(tile: ProductTile, channels: Channels) -> Array:
    """The stream of a tile.

    Args:
        tile: The tile, of one tile of outputs or two.
        channels: The layer; the weights are OHWI, flat for each filter.

    Returns:
        int32, one-dimensional.
    """
    c = channels
    weight = c.weight.reshape(tile.filters, TAPS, TAPS, -1)
    padding = (-tile.filters % FILTERS, tile.channels - weight.shape[3])
    weight = np.pad(weight, ((0, padding[0]), (0, 0), (0, 0), (0, padding[1])))
    words, scales = _weight_words(tile, weight), _scales(tile, c, weight[: tile.filters])
    parts = []
    for group, live in enumerate(tile.groups):
        first = group * FILTERS
        parts += [words[group].reshape(-1), scales[first : first + live].reshape(-1)]
    return _int32(np.concatenate(parts))


def _weight_words(tile: ProductTile, weight: Array) -> Array:
    """(groups, positions, steps, filters): two channels in each word."""
    n = tile.algorithm.size
    # Positions are numbered column by column.
    by_position = tile.algorithm.transform_filters(weight).transpose(1, 0, 2, 3)
    flat = by_position.reshape(n * n, len(tile.groups), FILTERS, tile.channels)
    halves = [[channel_of(step, half) for step in range(tile.steps)] for half in range(2)]
    words = (flat[..., halves[0]] & 0xFFFF) | (flat[..., halves[1]] << 16)
    ordered: Array = words.transpose(1, 0, 3, 2)
    return ordered


def _scales(tile: ProductTile, c: Channels, weight: Array) -> Array:
    """(filters, words): what stands behind the weights of a group for each filter."""
    algorithm = tile.algorithm
    bias = c.bias - INPUT_OFFSET * weight.sum(axis=(1, 2, 3))
    low_halves = [channel_of(step, 0) for step in range(tile.steps)]
    lifted = algorithm.lift_sums(weight)[:, :, low_halves].sum(axis=2)
    biases = [*(bias - lifted), bias]
    exponent = c.exponent + algorithm.scale_bits - 1
    columns = [b << algorithm.scale_bits for b in biases]
    columns += [c.multiplier, _rounding(algorithm, c), exponent]
    return np.stack(columns, axis=1)


def _rounding(algorithm: Algorithm, c: Channels) -> Array:
    s = algorithm.scale_bits
    rounding: Array = (c.rounding << s - 1) + (1 << s - 2)
    return rounding


def _int32(words: Array) -> Array:
    """Modulo 2^32, as two's complement."""
    return (words & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
