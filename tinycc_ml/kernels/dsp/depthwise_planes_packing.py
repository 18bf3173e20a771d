"""The stream of a depthwise layer: constants and words of weights of each channel.

Weights and bias are doubled: SMMLAR takes twice the sum. Per channel come bias, multiplier,
rounding and exponent, then the words of weights, row by row of the kernel.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.dsp.depthwise_planes_tile import PlanesTile
from tinycc_ml.kernels.dsp.requantize import Channels
from tinycc_ml.numerics.fixed_point import INT32_MAX


def packing_problem(c: Channels) -> str | None:
    """Why the channels do not fit the stream, or ``None``."""
    # What C adds up must not overflow in any order.
    reach = 2 * (np.abs(c.bias) + 128 * np.abs(c.weight).sum(axis=1))
    if reach.max() > INT32_MAX:
        return f"sums of channel {int(reach.argmax())} need more than 31 bits"
    return None


def pack_depthwise(c: Channels, tile: PlanesTile) -> Array:
    """The words of all channels.

    Args:
        c: The layer; a filter holds its kernel rows one behind the other.
        tile: The tile.

    Returns:
        int32, (channels, words).
    """
    taps = 2 * c.weight.reshape(len(c.weight), tile.rows, tile.taps)
    padded = np.pad(taps, ((0, 0), (0, 0), (0, 1)))
    starts = np.array(tile.weight_starts)
    words = (padded[:, :, starts] & 0xFFFF) | (padded[:, :, starts + 1] << 16)
    scales = np.stack([2 * c.bias, c.multiplier, c.rounding, c.exponent], axis=1)
    return np.concatenate([scales, words.reshape(len(words), -1)], axis=1).astype(np.int32)
