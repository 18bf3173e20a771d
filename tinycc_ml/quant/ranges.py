"""From what was seen of a value to the range that its quantization covers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from tinycc_ml.graph import Array, QuantParams
from tinycc_ml.quant.observe import BINS, Observation

Method = Literal["minmax", "percentile", "mse", "entropy"]
METHODS: tuple[Method, ...] = ("minmax", "percentile", "mse", "entropy")

_STEPS = 255
_CANDIDATES = 80
#: The smallest scale: below it fixed-point multipliers of the layers around have no meaning.
_SMALLEST_SCALE = 1e-9
_ENTROPY_LEVELS = 128


def affine(low: float, high: float) -> QuantParams:
    """int8 parameters for a range; it is extended to hold 0, which an integer then stands for.

    Source: TensorFlow Lite's quantization specification; the zero point is rounded to nearest.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32(max((high - low) / _STEPS, _SMALLEST_SCALE)))
    zero_point = int(np.clip(np.rint(-128 - low / scale), -128, 127))
    return QuantParams((scale,), (zero_point,))


def choose_range(seen: Observation, method: Method, percentile: float) -> tuple[float, float]:
    """The range that a method takes for a value.

    Args:
        seen: What was observed; with a histogram, unless the method is min-max.
        method: How to choose.
        percentile: Share of the numbers, in percent, that the range covers; of that method.
    """
    if method == "minmax" or seen.high <= seen.low:
        return seen.low, seen.high
    chooser: Callable[[Observation], tuple[float, float]] = {
        "percentile": lambda s: _percentile(s, percentile),
        "mse": _least_squares,
        "entropy": _entropy,
    }[method]
    return chooser(seen)


def _percentile(seen: Observation, percentile: float) -> tuple[float, float]:
    """What is left out is divided evenly between both ends; ends at 0 keep everything."""
    share = np.cumsum(seen.histogram) / seen.histogram.sum()
    is_one_sided = seen.low >= 0 or seen.high <= 0
    outside = (1 - percentile / 100) / (1 if is_one_sided else 2)
    width = (seen.high - seen.low) / BINS
    low, high = seen.low, seen.high
    if seen.low < 0:
        low += width * int(np.searchsorted(share, outside))
    if seen.high > 0:
        high = seen.low + width * (1 + int(np.searchsorted(share, 1 - outside)))
    return low, min(high, seen.high)


def clipping_error(seen: Observation, low: Array, high: Array) -> Array:
    """The mean squared error of ranges: what is cut off, and rounding within.

    Args:
        seen: A value with its histogram.
        low: Lower ends, (n,).
        high: Upper ends, (n,).
    """
    x, share = seen.centers, seen.histogram / seen.histogram.sum()
    low, high = np.minimum(low, 0), np.maximum(high, 0)
    beyond = np.maximum(x - high[:, None], 0) + np.maximum(low[:, None] - x, 0)
    # A number that is exactly 0 has no rounding error: what a rectifier cut does not count.
    width = (seen.high - seen.low) / BINS
    rounded = share[np.abs(x) > width].sum()
    step = (high - low) / _STEPS
    error: Array = (beyond * beyond) @ share + rounded * step * step / 12
    return error


def _least_squares(seen: Observation) -> tuple[float, float]:
    """Upper and lower end in turn, until neither moves."""
    low, high = seen.low, seen.high
    shares = np.linspace(0.2, 1.0, _CANDIDATES)
    for _ in range(4):
        before = low, high
        if seen.high > 0:
            highs = shares * seen.high
            high = float(highs[np.argmin(clipping_error(seen, np.full_like(highs, low), highs))])
        if seen.low < 0:
            lows = shares * seen.low
            low = float(lows[np.argmin(clipping_error(seen, lows, np.full_like(lows, high)))])
        if (low, high) == before:
            break
    return low, high


def _entropy(seen: Observation) -> tuple[float, float]:
    """The threshold whose quantized histogram diverges least from the clipped one.

    Source: Migacz, "8-bit inference with TensorRT" (2017): candidates are thresholds of the
    magnitude; both are smoothed so that no divergence is infinite.
    """
    top = max(abs(seen.low), abs(seen.high))
    places = np.minimum(np.abs(seen.centers) / top * BINS, BINS - 1).astype(np.int64)
    magnitudes = np.bincount(places, weights=seen.histogram, minlength=BINS)
    # The first bin holds what rectifiers cut off; it would outweigh everything else.
    magnitudes[0] = magnitudes[1]
    candidates = range(_ENTROPY_LEVELS, BINS + 1, 16)
    divergences = [_divergence(magnitudes, count) for count in candidates]
    threshold = candidates[int(np.argmin(divergences))] * top / BINS
    return max(seen.low, -threshold), min(seen.high, threshold)


def _divergence(magnitudes: Array, count: int) -> float:
    clipped = magnitudes[:count].copy()
    clipped[-1] += magnitudes[count:].sum()
    level = np.arange(count) * _ENTROPY_LEVELS // count
    filled = magnitudes[:count] > 0
    sums = np.bincount(level, weights=magnitudes[:count], minlength=_ENTROPY_LEVELS)
    used = np.bincount(level, weights=filled, minlength=_ENTROPY_LEVELS)
    spread = np.where(filled, (sums / np.maximum(used, 1))[level], 0.0)
    p, q = (v + 1e-4 * v.sum() / count for v in (clipped, spread))
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum(p * np.log(p / q)))
