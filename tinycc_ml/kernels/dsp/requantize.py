"""Requantization in two instructions, and the channels for which it is exact.

TensorFlow Lite rounds twice. With ``h = floor((acc*m + 2^30) / 2^31)`` (its doubling high multiply
for ``m >= 0``) and a right shift by ``e`` its output is ``clamp(zp + d)``, where ``d = h`` if
``e = 0``, else ``d = floor((h + 2^(e-1) - (1 if h < 0 else 0)) / 2^e)``. The core computes

    y = SMMLAR(2*acc, m, C - (1 if acc < 0 else 0)) >> e,   C = 2^(e-1) + (zp << e)

SMMLAR returns ``C + h`` (modulo 2^32), so that ``y = zp + d`` exactly if

- ``2*acc`` and all of ``C + h - 1 ... C + h`` fit 32 bits, for every accumulator that can occur;
- ``e >= 1``: with ``e = 0`` nothing must be subtracted. (Where ``acc < 0`` but ``h = 0``, which
  needs ``acc = -1`` and ``m = 2^30``, the subtracted one is lost in ``2^(e-1) - 1``.)

Where the lowest output is not below the zero point (ReLU) nothing needs to be subtracted at all:
leaving it out changes ``d`` only where ``h < 0``, from ``k - 1`` to ``k`` with ``k <= 0``, and both
give the lowest output. Then ``e = 0`` is exact too.

A channel whose lowest and highest accumulator give the same output is a constant: its weights and
bias become zero and ``C`` holds the output. So the dead channels of trained networks, with their
huge biases and shifts, need no exception. Only where all channels share one scale they also share
``m``, ``C`` and ``e``, and stay as they are unless all are the same constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.sums import corrects_sign, fold_zero_point
from tinycc_ml.numerics import saturating_rounding_doubling_high_mul
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels


@dataclass(frozen=True, slots=True)
class Channels:
    """The output channels of a layer, ready for packing.

    Attributes:
        weight: (channels, K), int64.
        bias: (channels,), int64: the input's zero point is folded in.
        low: (channels,): the lowest accumulator for any int8 input.
        high: (channels,): the highest one.
        multiplier: (channels,): ``m``.
        rounding: (channels,): ``C``.
        exponent: (channels,): ``e``, 0 ... 31.
    """

    weight: Array
    bias: Array
    low: Array
    high: Array
    multiplier: Array
    rounding: Array
    exponent: Array


def fold_channels(
    numbers: ConvNumbers,
    weight: Array,
    bias: Array,
    multiplier: Array,
    shift: Array,
    *,
    shares_scale: bool = False,
    corrects: bool | None = None,
) -> Channels | str:
    """The constants of the two-instruction form, or the reason why it would not be exact.

    Args:
        numbers: The layer's literals.
        weight: int8, (channels, K).
        bias: int32, (channels,).
        multiplier: int32, (channels,) or (1,).
        shift: int8, of the same shape.
        shares_scale: Whether multiplier, rounding and exponent must be the same for all channels.
        corrects: Whether the correction by one is made, if that is not what
            :func:`~tinycc_ml.kernels.sums.corrects_sign` says: it is exact with a ReLU, too.
    """
    sums = fold_zero_point(numbers, weight, bias)
    w, folded, low, high = sums.weight, sums.bias, sums.low, sums.high
    m = np.broadcast_to(multiplier.astype(np.int64), low.shape)
    s = np.broadcast_to(shift.astype(np.int64), low.shape)
    if s.max() > 0:
        return f"channel {int(s.argmax())} is shifted left by {s.max()}; allowed are right shifts"
    if low.min() < INT32_MIN or high.max() > INT32_MAX:
        return "sums can exceed int32"
    lowest, highest = (requantize_channels(x, numbers, m, s) for x in (low, high))
    dead = lowest == highest
    if shares_scale and not (dead.all() and lowest.min() == lowest.max()):
        dead = np.zeros_like(dead)
    e = np.where(dead, 1, -s)
    half = np.where(e > 0, (1 << e) >> 1, 0)
    offset = np.where(dead, lowest.astype(np.int64), numbers.output_zero_point)
    live = np.where(dead, 0, 1)
    channels = Channels(
        w * live[:, None], folded * live, low * live, high * live, m * live, half + (offset << e), e
    )
    return _problem(channels, corrects_sign(numbers) if corrects is None else corrects) or channels


def _problem(c: Channels, corrects: bool) -> str | None:
    """Why the form is not exact for some channel, or ``None``."""
    correction = int(corrects)
    if correction and c.exponent.min() == 0:
        return f"channel {int(c.exponent.argmin())} has shift 0; allowed -31 ... -1 without a ReLU"
    ends = [
        c.rounding + saturating_rounding_doubling_high_mul(x, c.multiplier) for x in (c.low, c.high)
    ]
    exceeds = (ends[0] - correction < INT32_MIN) | (ends[1] > INT32_MAX)
    exceeds |= (c.rounding < INT32_MIN + correction) | (c.rounding > INT32_MAX)
    exceeds |= (2 * c.low < INT32_MIN) | (2 * c.high > INT32_MAX)
    if exceeds.any():
        return f"the sums of channel {int(exceeds.argmax())} leave no room for the zero point"
    return None
