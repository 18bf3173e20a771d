"""Real weights to integers: nearest, GPTQ, or adaptive rounding by coordinate descent.

All act on ``groups`` of products (see `linear`): weights (groups, filters, K), scales (groups,
filters) and the covariance of the inputs (groups, K, K). What they minimise is the error of the
layer's output, ``d @ covariance @ d`` summed over filters, where ``d`` is the weight's error.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.quant.statistics import damped

Rounding = Literal["nearest", "gptq", "adaptive"]
ROUNDINGS: tuple[Rounding, ...] = ("nearest", "gptq", "adaptive")

_DAMPING = 0.01
_SWEEPS = 20
_SMALLEST_SCALE = 1e-9


def limit_of(bits: int) -> int:
    """The largest weight of so many bits; the smallest is its negative."""
    return (1 << (bits - 1)) - 1


def scales_of(weight: Array, bits: int) -> Array:
    """The scales with which no weight is clipped: (groups, filters)."""
    largest = np.abs(weight).max(axis=-1)
    return np.asarray(np.maximum(largest / limit_of(bits), _SMALLEST_SCALE), np.float32)


def nearest(weight: Array, scales: Array, bits: int) -> Array:
    """Each weight by itself."""
    top = limit_of(bits)
    return np.clip(np.rint(weight / scales[..., None]), -top, top)


def gptq(weight: Array, scales: Array, bits: int, covariance: Array) -> Array:
    """Column by column, the error of each made up for by those that follow.

    Source: Frantar et al., "GPTQ" (2023), with the columns of large variance first.
    """
    top, rest = limit_of(bits), weight.astype(np.float64)
    order = np.argsort(-np.diagonal(covariance, axis1=1, axis2=2), axis=1)
    permuted = np.take_along_axis(rest, order[:, None, :], axis=2)
    h = np.take_along_axis(damped(covariance, _DAMPING), order[:, :, None], axis=1)
    h = np.take_along_axis(h, order[:, None, :], axis=2)
    # The upper Cholesky factor of the inverse.
    factor = np.linalg.cholesky(np.linalg.inv(h)).transpose(0, 2, 1)
    rounded = np.empty_like(permuted)
    for k in range(permuted.shape[2]):
        column = permuted[:, :, k]
        q = np.clip(np.rint(column / scales), -top, top)
        rounded[:, :, k] = q
        error = (column - q * scales) / factor[:, k, k, None]
        permuted[:, :, k:] -= error[:, :, None] * factor[:, None, k, k:]
    result = np.empty_like(rounded)
    np.put_along_axis(result, np.broadcast_to(order[:, None, :], rounded.shape), rounded, axis=2)
    return result


def adaptive(weight: Array, scales: Array, bits: int, covariance: Array, start: Array) -> Array:
    """Changes one weight at a time to what is best beside the others, until none changes.

    What AdaRound looks for by gradient descent; on the layer's linear output the best value of one
    weight is known in closed form.

    Args:
        weight: What to approximate.
        scales: Of the filters.
        bits: Of the weights.
        covariance: Of the inputs.
        start: Integers to begin with.
    """
    top, rounded = limit_of(bits), start.astype(np.float64)
    h = damped(covariance, 1e-4)
    step = scales[..., None].astype(np.float64)
    gradient = (rounded * step - weight) @ h
    for _ in range(_SWEEPS):
        changed = False
        for k in range(weight.shape[2]):
            wish = rounded[:, :, k] - gradient[:, :, k] / (h[:, k, k, None] * scales)
            best = np.clip(np.rint(wish), -top, top)
            move = best - rounded[:, :, k]
            if not move.any():
                continue
            changed = True
            rounded[:, :, k] = best
            gradient += (move * scales)[:, :, None] * h[:, None, k, :]
        if not changed:
            break
    return rounded


def output_error(difference: Array, covariance: Array) -> Array:
    """Mean squared error of the outputs, without that of their mean: (groups, filters)."""
    result: Array = np.einsum("gmk,gmk->gm", difference @ covariance, difference)
    return result


def round_weights(
    weight: Array, scales: Array, bits: int, covariance: Array | None, rounding: Rounding
) -> Array:
    """Integers for weights of given scales."""
    if rounding == "nearest" or covariance is None:
        return nearest(weight, scales, bits)
    rounded = gptq(weight, scales, bits, covariance)
    if rounding == "gptq":
        return rounded
    return adaptive(weight, scales, bits, covariance, rounded)


def search_scales(weight: Array, bits: int, covariance: Array | None, candidates: int) -> Array:
    """Scales that clip the largest weights where that makes the layer's error smaller.

    Args:
        weight: (groups, filters, K).
        bits: Of the weights.
        covariance: Of the inputs, or ``None``: the error of the weights then counts.
        candidates: How many to try for each filter.
    """
    full = scales_of(weight, bits)
    best = full.copy()
    if candidates <= 1:
        return best
    lowest = np.full(full.shape, np.inf)
    for share in np.linspace(1.0, 0.4 if bits <= 4 else 0.7, candidates):
        scales = (full * np.float32(share)).astype(np.float32)
        if covariance is None:
            difference = nearest(weight, scales, bits) * scales[..., None] - weight
            error = (difference * difference).sum(axis=-1)
        else:
            rounded = gptq(weight, scales, bits, covariance)
            error = output_error(rounded * scales[..., None] - weight, covariance)
        is_better = error < lowest
        lowest = np.where(is_better, error, lowest)
        best = np.where(is_better, scales, best)
    return best
