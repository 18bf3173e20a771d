"""What the kernels with byte-pair weights share: from a layer's constants to its stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.gemm_assembly import tile_problem
from tinycc_ml.kernels.dsp.gemm_meaning import gemm_intrinsic
from tinycc_ml.kernels.dsp.gemm_shared import shared_gemm_intrinsic, shared_tile_problem
from tinycc_ml.kernels.dsp.packing import fill_up, pack_stream, pair_problem
from tinycc_ml.kernels.dsp.requantize import Channels, fold_channels
from tinycc_ml.kernels.dsp.tile import GemmTile
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.loopir import Argument, Buffer, CallIntrinsic, Role, affine
from tinycc_ml.ops.convolution import ConvNumbers


def tile_of(
    numbers: ConvNumbers,
    pixels: int,
    filters: int,
    channels: int,
    runs: tuple[int, int, int],
    pixel_stride: int,
    *,
    shares_scale: bool,
    is_shared: bool = False,
) -> GemmTile:
    """The tile of a layer.

    Args:
        numbers: The layer's literals.
        pixels: Columns at a time.
        filters: Filters at a time.
        channels: Output channels.
        runs: Number of runs, elements of each (odd ones are padded), distance between them.
        pixel_stride: Distance between columns.
        shares_scale: Whether the layer is quantized per tensor.
        is_shared: Whether the tile has a text for tiles of many sizes.
    """
    count, elements, stride = runs
    steps = (elements + 1) // 2
    if count > 1 and stride == 2 * steps:
        count, steps, stride = 1, count * steps, 0
    return GemmTile(
        pixels,
        filters,
        channels,
        count,
        steps,
        stride if count > 1 else 0,
        pixel_stride if pixels > 1 else 0,
        numbers.output_min,
        numbers.output_max,
        # One text for both: an instruction per output more with a ReLU.
        is_shared or corrects_sign(numbers),
        shares_scale,
        is_shared,
    )


def stream_buffer(tile: GemmTile) -> Buffer:
    """The parameter that holds a tile's stream."""
    return Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)


def call_tile(tile: GemmTile, columns: Argument, output: Argument) -> CallIntrinsic:
    """The call that computes all channels of one or two pixels."""
    stream = Argument("stream", (affine(0),))
    intrinsic = shared_gemm_intrinsic(tile) if tile.is_shared else gemm_intrinsic(tile)
    return CallIntrinsic(intrinsic, (columns, stream, output))


def refusal(numbers: ConvNumbers, tile: GemmTile, constants: Sequence[Constant]) -> str | None:
    """Why a tile cannot compute a layer exactly, or ``None``.

    Args:
        numbers: The layer's literals.
        tile: The tile.
        constants: Weight, bias, multiplier, shift.
    """
    channels = _channels(numbers, tile, constants)
    if isinstance(channels, str):
        return channels
    problem = shared_tile_problem(tile) if tile.is_shared else tile_problem(tile)
    return pair_problem(channels) or problem


def pack_layer(
    numbers: ConvNumbers, tile: GemmTile, constants: Sequence[Constant], run: int, *, planar: bool
) -> Constant:
    """The stream of a layer that is not refused.

    Args:
        numbers: The layer's literals.
        tile: The tile.
        constants: Weight, bias, multiplier, shift.
        run: Elements of the weight that are one run of the column; odd runs get a zero.
        planar: The order of the columns' elements.
    """
    channels = _channels(numbers, tile, constants)
    assert not isinstance(channels, str)  # the layer is not refused
    count = len(channels.weight)
    runs = channels.weight.reshape(count, -1, run)
    padded = np.pad(runs, ((0, 0), (0, 0), (0, run % 2))).reshape(count, -1)
    channels = replace(channels, weight=padded)
    if tile.is_shared:
        channels = fill_up(channels, tile.filters)
    stream = pack_stream(channels, tile.filters, planar=planar, shares_scale=tile.shares_scale)
    return Constant(stream)


def _channels(
    numbers: ConvNumbers, tile: GemmTile, constants: Sequence[Constant]
) -> Channels | str:
    weight, *others = (constant.array for constant in constants)
    flat = weight.reshape(len(weight), -1)
    # The text for odd pixels always corrects.
    corrects = tile.is_shared or tile.corrects_sign
    one = tile.shares_scale
    return fold_channels(numbers, flat, *others, shares_scale=one, corrects=corrects)
