"""Vector requantization, and the channels for which it is exact.

TensorFlow Lite rounds twice: ``h = floor((2*acc*m + 2^31) / 2^32)``, then ``h / 2^e`` to nearest
with ties away from zero. VQRDMULH computes ``h``: it saturates only for ``acc = m = -2^31``, and
``m >= 0``. VRSHL by ``-e`` rounds ties upward, which differs for negative ``h`` only; there

    floor((h - 1 + 2^(e-1)) / 2^e)

rounds them away from zero, so one is subtracted from negative ``h`` first. That is exact if ``e >=
1`` (with ``e = 0`` nothing may be subtracted), and cannot wrap: ``h > -2^31`` as ``m < 2^31``.
Where the lowest output is not below the zero point (ReLU), the difference is between values that
are both clamped to the lowest output, so that nothing is subtracted, and ``e = 0`` is exact too.

A channel whose lowest and highest accumulator give the same output is a constant: with weights 0,
bias ``2*d``, multiplier ``2^31 - 1`` and ``e = 1`` it gives ``d``. So the dead channels of trained
networks, with their huge biases and shifts, need no exception.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.kernels.sums import corrects_sign, fold_zero_point
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels


@dataclass(frozen=True, slots=True)
class Channels:
    """The output channels of a layer, ready for packing; all arrays are int64.

    Attributes:
        weight: (channels, K).
        bias: (channels,): the input's zero point is folded in.
        multiplier: (channels,), 0 ... 2^31 - 1.
        shift: (channels,), -31 ... 0: to the left, as VRSHL takes it.
    """

    weight: Array
    bias: Array
    multiplier: Array
    shift: Array


def fold_channels(
    numbers: ConvNumbers, weight: Array, bias: Array, multiplier: Array, shift: Array
) -> Channels | str:
    """The constants of the vector form, or the reason why it would not be exact.

    Args:
        numbers: The layer's literals.
        weight: int8, (channels, K).
        bias: int32, (channels,).
        multiplier: int32, (channels,) or (1,).
        shift: int8, of the same shape.
    """
    sums = fold_zero_point(numbers, weight, bias)
    w, folded, low, high = sums.weight, sums.bias, sums.low, sums.high
    m = np.broadcast_to(multiplier.astype(np.int64), folded.shape)
    s = np.broadcast_to(shift.astype(np.int64), folded.shape)
    if s.max() > 0:
        return f"channel {int(s.argmax())} is shifted left by {s.max()}; allowed are right shifts"
    if low.min() < INT32_MIN or high.max() > INT32_MAX:
        return "sums can exceed int32"
    lowest, highest = (requantize_channels(x, numbers, m, s) for x in (low, high))
    dead = lowest == highest
    constant = 2 * (lowest.astype(np.int64) - numbers.output_zero_point)
    channels = Channels(
        np.where(dead[:, np.newaxis], 0, w),
        np.where(dead, constant, folded),
        np.where(dead, INT32_MAX, m),
        np.where(dead, -1, s),
    )
    return _problem(channels, numbers) or channels


def _problem(c: Channels, numbers: ConvNumbers) -> str | None:
    """Why the form is not exact for some channel, or ``None``."""
    if corrects_sign(numbers) and c.shift.max() == 0:
        return f"channel {int(c.shift.argmax())} has shift 0; allowed -31 ... -1 without a ReLU"
    # What C adds up must not overflow in any order.
    reach = np.abs(c.bias) + 128 * np.abs(c.weight).sum(axis=1)
    if reach.max() > INT32_MAX:
        return f"sums of channel {int(reach.argmax())} need more than 31 bits"
    return None
