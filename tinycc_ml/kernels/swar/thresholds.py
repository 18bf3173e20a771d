"""Requantization as thresholds: the form in which another arithmetic can be proved equal to it.

TensorFlow Lite's output does not fall when the sum rises. It is therefore known completely by its
*thresholds*: for each output value ``k`` the lowest sum ``t(k)`` that gives at least ``k``. Any
other function of the sum that does not fall either is equal to it for all sums if and only if it
reaches ``k`` at ``t(k)`` and not at ``t(k) - 1``. So 255 comparisons prove what would take one for
each of some hundred thousand sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.sums import fold_zero_point
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of a layer's channels and what becomes of them; int64.

    Attributes:
        weight: (channels, K); zero where the output does not depend on the input.
        bias: (channels,): the input's zero point is folded in; zero where the weights are.
        low: (channels,): the lowest sum for any int8 input.
        high: (channels,): the highest one.
        lowest: (channels,): the output for the lowest sum.
        highest: (channels,): the output for the highest one.
        thresholds: (channels, 255): ``t(lowest + 1) ... t(highest)``; behind them `high` + 1.
    """

    weight: Array
    bias: Array
    low: Array
    high: Array
    lowest: Array
    highest: Array
    thresholds: Array


def sums_of(
    numbers: ConvNumbers, weight: Array, bias: Array, multiplier: Array, shift: Array
) -> Sums | str:
    """The sums of a layer, or why they cannot be told from their bounds.

    Args:
        numbers: The layer's literals.
        weight: int8, (channels, K).
        bias: int32, (channels,).
        multiplier: int32, (channels,) or (1,).
        shift: int8, of the same shape.
    """
    sums = fold_zero_point(numbers, weight, bias)
    w, folded, low, high = sums.weight, sums.bias, sums.low, sums.high
    m = np.broadcast_to(multiplier.astype(np.int64), low.shape)
    s = np.broadcast_to(shift.astype(np.int64), low.shape)
    left = np.maximum(s, 0)
    if (low << left).min() < INT32_MIN or (high << left).max() > INT32_MAX:
        return "sums can exceed int32"
    lowest, highest = (requantize_channels(x, numbers, m, s).astype(np.int64) for x in (low, high))
    dead = lowest == highest
    w, folded = np.where(dead[:, None], 0, w), np.where(dead, 0, folded)
    low, high = np.where(dead, 0, low), np.where(dead, 0, high)
    thresholds = _thresholds(numbers, (m, s), (low, high), lowest)
    return Sums(w, folded, low, high, lowest, highest, thresholds)


def _thresholds(
    numbers: ConvNumbers,
    scale: tuple[Array, Array],
    bounds: tuple[Array, Array],
    lowest: Array,
) -> Array:
    """By bisection for all outputs of all channels at once."""
    wanted = lowest[:, None] + np.arange(1, 256)
    shape = wanted.shape
    below = np.broadcast_to(bounds[0][:, None] - 1, shape).copy()
    reached = np.broadcast_to(bounds[1][:, None] + 1, shape).copy()
    m, s = (np.broadcast_to(x[:, None], shape) for x in scale)
    while (reached - below > 1).any():
        middle = (below + reached) >> 1
        value = requantize_channels(middle, numbers, m, s)
        enough = (value >= wanted) & (middle > below)
        reached = np.where(enough, middle, reached)
        below = np.where(enough, below, middle)
    return reached
