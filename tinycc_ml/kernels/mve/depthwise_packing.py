"""The stream that a depthwise tile reads, in the order of its use.

For each vector of 16 channels come four vectors of biases, the vectors of weights of the taps, then
a vector of multipliers and one of shifts for each of the four sums. The sums hold the channels with
the remainders 0, 2, 1, 3 modulo 4. Channels that are missing are zeros.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.mve.depthwise_tile import PHASES
from tinycc_ml.kernels.mve.gemm_tile import LANES
from tinycc_ml.kernels.mve.requantize import Channels


def packing_problem(c: Channels) -> str | None:
    """Why two taps do not add up in 16 bits, or ``None``."""
    pairs = c.weight[:, : c.weight.shape[1] // 2 * 2].reshape(len(c.weight), -1, 2)
    both = (pairs == -128).all(axis=2).any(axis=1)
    if both.any():
        return f"two neighbouring taps of channel {int(both.argmax())} are both -128"
    return None


def pack_depthwise(c: Channels, repeats: int) -> Array:
    """The stream of a layer.

    Args:
        c: The layer's channels; a filter holds its kernel rows one behind the other.
        repeats: How often the channels come again: pixels that are computed as one.

    Returns:
        int32, one-dimensional.
    """
    count = repeats * len(c.bias)
    extra = -count % LANES

    def vectors(values: Array) -> Array:
        tiled = np.tile(values, (repeats, *(1 for _ in values.shape[1:])))
        padded = np.pad(tiled, ((0, extra), *((0, 0) for _ in values.shape[1:])))
        return padded.reshape(-1, LANES, *values.shape[1:])

    def sums(values: Array) -> Array:
        lanes = vectors(values)
        by_phase: Array = lanes.reshape(len(lanes), -1, len(PHASES))[:, :, PHASES]
        return by_phase.transpose(0, 2, 1)

    weights = np.ascontiguousarray(vectors(c.weight).transpose(0, 2, 1).astype(np.int8))
    blocks = len(weights)
    scales = np.stack([sums(c.multiplier), sums(c.shift)], axis=2)
    parts = (sums(c.bias), weights.reshape(blocks, -1).view("<i4"), scales)
    flat = [part.reshape(blocks, -1) for part in parts]
    return np.concatenate(flat, axis=1).reshape(-1).astype(np.int32)
