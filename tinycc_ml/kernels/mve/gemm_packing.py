"""The stream that a GEMM tile reads: all constants of a layer in the order of their use.

For each group of filters come its weights, a vector of each filter in turn for each 16 elements of
a run (the last vector of a run is filled up with zeros), then bias, multiplier and shift of four
filters at a time. Missing filters of the last four are zeros.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.mve.gemm_tile import LANES, QUAD, GemmTile
from tinycc_ml.kernels.mve.requantize import Channels


def pack_gemm(c: Channels, tile: GemmTile) -> Array:
    """The stream of a layer.

    Args:
        c: The layer's channels.
        tile: The tile.

    Returns:
        int32, one-dimensional.
    """
    count = tile.channels
    runs = c.weight.reshape(count, tile.runs, tile.run)
    extra = -count % QUAD
    fill = tile.steps * LANES - tile.run
    vectors = np.pad(runs, ((0, extra), (0, 0), (0, fill))).reshape(count + extra, -1, LANES)
    scales = np.pad(np.stack([c.bias, c.multiplier, c.shift]), ((0, 0), (0, extra)))
    parts = []
    for start in range(0, count, tile.filters):
        group = slice(start, min(start + tile.filters, count + extra))
        weights = np.ascontiguousarray(vectors[group].transpose(1, 0, 2).astype(np.int8))
        quads = scales[:, group].reshape(3, -1, QUAD).transpose(1, 0, 2)
        parts += [weights.reshape(-1).view("<i4"), quads.reshape(-1)]
    return np.concatenate(parts).astype(np.int32)
