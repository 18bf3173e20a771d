"""The stream that the tiles read: weights and biases in the order of use."""

from __future__ import annotations

import numpy as np

from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.fpu.assembly import group_sizes


def pack_stream(weight: Array, bias: Array) -> Constant:
    """For each group of channels its weights, element by element, and then its biases.

    Args:
        weight: (K, O), float32.
        bias: (O,), float32.

    Returns:
        float32, one-dimensional.
    """
    parts, first = [], 0
    for size in group_sizes(len(bias)):
        group = slice(first, first + size)
        parts += [weight[:, group].reshape(-1), bias[group]]
        first += size
    return Constant(np.concatenate(parts).astype(np.float32))
