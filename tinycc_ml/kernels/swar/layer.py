"""What the kernels for cores without the DSP extension share: from constants to filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.dsp.requantize import fold_channels
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.kernels.swar.code_tile import Filter
from tinycc_ml.kernels.swar.long_multiply import LongScale, long_scale
from tinycc_ml.kernels.swar.short_multiply import ShortScale, short_scale
from tinycc_ml.kernels.swar.thresholds import sums_of
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops.convolution import ConvNumbers

#: The instruction sets: Cortex-M0, M0+, M23; Cortex-M3.
Isa = Literal["thumb1", "thumb2"]
REQUIRES: dict[Isa, frozenset[str]] = {
    "thumb1": frozenset({"thumb1"}),
    "thumb2": frozenset({"thumb2", "umull"}),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a layer, ready to become code.

    Attributes:
        weight: int64, (channels, K); zero where the output does not depend on the input.
        bias: One per channel; the input's zero point is folded in.
        scales: One per channel.
    """

    weight: Array
    bias: tuple[int, ...]
    scales: tuple[ShortScale | LongScale, ...]

    def filter(self, channel: int, weights: Array) -> Filter:
        """A channel with the weights in another order."""
        return Filter(tuple(weights.tolist()), self.bias[channel], self.scales[channel])


def filters_of(
    isa: Isa, numbers: ConvNumbers, constants: Sequence[Constant], channel_axis: int
) -> Filters | str:
    """The filters of a layer, or why no exact form was found.

    Args:
        isa: The instruction set.
        numbers: The layer's literals.
        constants: Weight, bias, multiplier, shift.
        channel_axis: The weight's dimension with one index per output channel.
    """
    return _filters(isa, numbers, tuple(constants), channel_axis)


@lru_cache(maxsize=8)
def _filters(
    isa: Isa, numbers: ConvNumbers, constants: tuple[Constant, ...], channel_axis: int
) -> Filters | str:
    weight, bias, multiplier, shift = (constant.array for constant in constants)
    flat = np.moveaxis(weight, channel_axis, 0).reshape(weight.shape[channel_axis], -1)
    if isa == "thumb2":
        channels = fold_channels(numbers, flat, bias, multiplier, shift)
        if isinstance(channels, str):
            return channels
        folded = tuple(channels.bias.tolist())
        signed = corrects_sign(numbers)
        long = (long_scale(channels, i, corrects_sign=signed) for i in range(len(flat)))
        return Filters(channels.weight, folded, tuple(long))
    sums = sums_of(numbers, flat, bias, multiplier, shift)
    if isinstance(sums, str):
        return sums
    scales: list[ShortScale | LongScale] = []
    for i in range(len(flat)):
        scale = short_scale(
            sums, i, int(multiplier[i % len(multiplier)]), int(shift[i % len(shift)])
        )
        if scale is None:
            return f"no exact requantization of channel {i} with short products"
        scales.append(scale)
    return Filters(sums.weight, tuple(sums.bias.tolist()), tuple(scales))


def folded_bias(
    numbers: ConvNumbers, constants: Sequence[Constant], channel_axis: int
) -> tuple[int, ...] | str:
    """The biases with the input's zero point folded in, as the meanings add them up."""
    weight, bias = constants[0].array.astype(np.int64), constants[1].array.astype(np.int64)
    axes = tuple(axis for axis in range(weight.ndim) if axis != channel_axis)
    folded = bias - numbers.input_zero_point * weight.sum(axis=axes)
    # What C adds up must not overflow in any order.
    reach = 128 * np.abs(weight).sum(axis=axes)
    if (folded - reach).min() < INT32_MIN or (folded + reach).max() > INT32_MAX:
        return "sums can exceed int32"
    return tuple(folded.tolist())
