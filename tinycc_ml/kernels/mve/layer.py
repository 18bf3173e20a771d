"""What the kernels with a GEMM tile share: from a layer's constants to its stream."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.mve.gemm_meaning import gemm_intrinsic
from tinycc_ml.kernels.mve.gemm_packing import pack_gemm
from tinycc_ml.kernels.mve.gemm_tile import GemmTile
from tinycc_ml.kernels.mve.requantize import Channels, fold_channels
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.loopir import Argument, Buffer, CallIntrinsic, Role, affine
from tinycc_ml.ops.convolution import ConvNumbers


def tile_of(
    numbers: ConvNumbers,
    block: tuple[int, int],
    turns: int,
    channels: int,
    runs: tuple[int, int, int],
    pixel_stride: int,
) -> GemmTile:
    """The tile of a layer.

    Args:
        numbers: The layer's literals.
        block: Pixels and filters at a time.
        turns: How often so many pixels are computed.
        channels: Output channels.
        runs: Number of runs, elements of each, distance between them.
        pixel_stride: Distance between columns.
    """
    count, run, stride = runs
    if count > 1 and stride == run:
        count, run = 1, count * run
    return GemmTile(
        block[0],
        turns,
        block[1],
        channels,
        count,
        run,
        stride if count > 1 else 0,
        pixel_stride if block[0] * turns > 1 else 0,
        numbers.output_zero_point,
        numbers.output_min,
        numbers.output_max,
        corrects_sign(numbers),
    )


def stream_buffer(tile: GemmTile) -> Buffer:
    """The parameter that holds a tile's stream."""
    return Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)


def call_tile(tile: GemmTile, columns: Argument, output: Argument) -> CallIntrinsic:
    """The call that computes all channels of the tile's pixels."""
    stream = Argument("stream", (affine(0),))
    return CallIntrinsic(gemm_intrinsic(tile), (columns, stream, output))


def refusal(numbers: ConvNumbers, constants: Sequence[Constant]) -> str | None:
    """Why vectors cannot compute a layer exactly, or ``None``.

    Args:
        numbers: The layer's literals.
        constants: Weight (output channels first), bias, multiplier, shift.
    """
    channels = _fold(numbers, constants)
    return channels if isinstance(channels, str) else None


def pack_layer(numbers: ConvNumbers, tile: GemmTile, constants: Sequence[Constant]) -> Constant:
    """The stream of a layer that is not refused."""
    channels = _fold(numbers, constants)
    assert not isinstance(channels, str)  # the layer is not refused
    return Constant(pack_gemm(channels, tile))


def _fold(numbers: ConvNumbers, constants: Sequence[Constant]) -> Channels | str:
    weight, *others = (constant.array for constant in constants)
    return fold_channels(numbers, weight.reshape(len(weight), -1), *others)
