"""From a layer's constants to the stream of a data tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.dsp.requantize import Channels, fold_channels
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.kernels.swar.data_tile import GROUP, DataTile
from tinycc_ml.kernels.swar.layer import Isa, filters_of
from tinycc_ml.kernels.swar.short_multiply import ShortScale
from tinycc_ml.ops.convolution import ConvNumbers

#: Elements of a chunk; the bytes of a word of weights from the lowest on.
_CHUNKS, _BYTE_ORDER = (16, 8, 4, 2, 1), (0, 2, 1, 3)
#: Instructions per chunk and per element, whatever the instruction set.
_PER_CHUNK, _PER_ELEMENT = 8, 6
_LANE_MIN, _LANE_MAX = -(1 << 15), (1 << 15) - 1
_WORD = 1 << 32


@dataclass(frozen=True, slots=True)
class DataFilters:
    """The filters of a layer, ready for packing.

    Attributes:
        weight: int64, (channels, K); zero where the output does not depend on the input.
        bias: int64, (channels,): what sums start at.
        scales: int64, (channels, words).
        corrects: See :class:`DataTile`.
    """

    weight: Array
    bias: Array
    scales: Array
    corrects: bool


def data_filters(
    isa: Isa, numbers: ConvNumbers, constants: Sequence[Constant]
) -> DataFilters | str:
    """The filters of a layer, or why no exact form was found.

    Args:
        isa: The instruction set.
        numbers: The layer's literals.
        constants: Weight (channels first), bias, multiplier, shift.
    """
    if isa == "thumb2":
        weight, bias, multiplier, shift = (constant.array for constant in constants)
        c = fold_channels(numbers, weight.reshape(len(weight), -1), bias, multiplier, shift)
        return c if isinstance(c, str) else _long(c, corrects=corrects_sign(numbers))
    found = filters_of(isa, numbers, constants, 0)
    if isinstance(found, str):
        return found
    scales = [scale for scale in found.scales if isinstance(scale, ShortScale)]
    corrects = any(scale.extra for scale in scales)
    base = np.array([scale.base for scale in scales])
    rows = [_short(scale, corrects=corrects) for scale in scales]
    return DataFilters(found.weight, np.array(found.bias) - base, np.array(rows), corrects)


def _long(c: Channels, *, corrects: bool) -> DataFilters:
    scales = np.stack([c.multiplier, c.rounding, c.exponent], axis=1)
    return DataFilters(c.weight, c.bias, scales, corrects)


def _short(scale: ShortScale, *, corrects: bool) -> list[int]:
    words = [scale.shift, scale.range, scale.high, scale.low, scale.cut, scale.rounding]
    # Where nothing is added it does not matter from where on.
    return [*words, max(0, -scale.base) if scale.extra else 0, scale.extra] if corrects else words


def chunk_elements(weight: Array) -> int:
    """How many elements chunks may have: the fastest choice that is exact for all filters.

    Args:
        weight: (channels, runs, elements of a run).
    """
    run = weight.shape[2]

    def instructions(chunk: int) -> int:
        return int(-(-run // chunk)) * (_PER_CHUNK + _PER_ELEMENT * chunk)

    fitting = [chunk for chunk in _CHUNKS if _fits(padded(weight, chunk), chunk)]
    return min(fitting, key=instructions)


def padded(weight: Array, chunk: int) -> Array:
    """With zeros behind runs that are no whole number of chunks."""
    extra = -weight.shape[2] % chunk
    return np.pad(weight, ((0, 0), (0, 0), (0, extra)))


def _fits(weight: Array, chunk: int) -> bool:
    chunks = weight.reshape(-1, chunk)
    low = np.minimum(-128 * chunks, 127 * chunks).sum(axis=1)
    high = np.maximum(-128 * chunks, 127 * chunks).sum(axis=1)
    return bool(low.min() >= _LANE_MIN and high.max() <= _LANE_MAX)


def pack_data(filters: DataFilters, tile: DataTile) -> Constant:
    """The stream: for each group totals and upper lanes, words of weights, scales.

    Args:
        filters: The layer; the weights in the order of the column, padded.
        tile: The tile.
    """
    extra = -tile.filters % GROUP
    weight = np.pad(filters.weight, ((0, extra), (0, 0)))
    bias, scales = np.pad(filters.bias, (0, extra)), np.pad(filters.scales, ((0, extra), (0, 0)))
    groups = [
        _group(weight[i : i + GROUP], bias[i : i + GROUP], scales[i : i + GROUP], tile)
        for i in range(0, len(weight), GROUP)
    ]
    words = np.concatenate(groups) % _WORD
    return Constant(words.astype(np.uint32).view(np.int32))


def _group(weight: Array, bias: Array, scales: Array, tile: DataTile) -> Array:
    # The lower lane is total - (upper << 16), and 0x8000 of each chunk is in the total.
    offset = tile.flushes << 15
    head = [
        word
        for first, second in ((0, 1), (2, 3))
        for word in (int(bias[first]) - offset + (int(bias[second]) << 16), int(bias[second]))
    ]
    data = (weight[list(_BYTE_ORDER)] + 128) << (8 * np.arange(GROUP))[:, None]
    return np.concatenate([head, data.sum(axis=0), scales.reshape(-1)])
