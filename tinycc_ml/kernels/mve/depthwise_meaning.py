"""What a depthwise tile computes, as loop IR: its fallback in C, and what host builds run."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.mve.depthwise_assembly import PLAN, assemble
from tinycc_ml.kernels.mve.depthwise_tile import BIAS_WORDS, PHASES, SCALE_WORDS, DepthwiseTile
from tinycc_ml.kernels.mve.gemm_tile import LANES
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Buffer,
    For,
    Intrinsic,
    Local,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b

_WORD = 4  # elements


def depthwise_intrinsic(tile: DepthwiseTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters input, stream, output."""
    return Intrinsic(
        tile.name,
        _Meaning(tile).kernel(),
        "mve",
        assemble(tile),
        (
            f"{tile.pixels} pixels of {tile.channels} channels, {tile.rows}x{tile.taps} taps each: "
            "sums, requantization and stores, 16 channels at a time.",
            *(f"{line}." for line in PLAN),
        ),
    )


class _Meaning:
    def __init__(self, tile: DepthwiseTile) -> None:
        self.tile = tile
        self.input = Buffer("input", DType.INT8, (tile.input_elements,), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.output_elements,), Role.OUTPUT)

    def kernel(self) -> LoopKernel:
        tile = self.tile
        body: tuple[Stmt, ...] = ()
        if tile.vectors:
            lanes = tuple(self.lanes(affine("vector"), LANES, ""))
            body += (For("vector", tile.vectors, lanes),)
        if tile.rest:
            body += tuple(self.lanes(affine(tile.vectors), tile.rest, "_last"))
        pixels = For("pixel", tile.pixels, body)
        return LoopKernel(tile.name, (self.input, self.stream, self.output), (pixels,))

    def lanes(self, vector: Affine, live: int, suffix: str) -> Iterator[Stmt]:
        """The channels of a vector; the four of a word are in four different sums."""
        words, rest = divmod(live, _WORD)
        name = f"word{suffix}"
        if words:
            body = [s for i in range(_WORD) for s in self.channel(vector, affine(name), i, suffix)]
            yield For(name, words, tuple(body))
        for i in range(rest):
            yield from self.channel(vector, affine(words), i, f"{suffix}_rest")

    def channel(self, vector: Affine, word: Affine, number: int, suffix: str) -> Iterator[Stmt]:
        """A channel: sum, requantization and store."""
        tile = self.tile
        total, row, tap = (f"{name}{suffix}_{number}" for name in ("acc", "row", "tap"))
        start = vector * tile.vector_words
        lane = word + PHASES.index(number) * _WORD
        yield Local(total, DType.INT32, b.load(self.stream, start + lane))
        channel = vector * LANES + word * _WORD + number
        at = affine("pixel") * tile.pixel_step + channel
        at = at + affine(row) * tile.row_stride + affine(tap) * tile.tap_stride
        weight = start + (affine(row) * tile.taps + affine(tap)) * (LANES // _WORD) + word
        byte = b.call("signed_byte", b.load(self.stream, weight + BIAS_WORDS), number)
        product = Accumulate(total, b.mul(b.load(self.input, at), byte))
        yield from b.nest([(row, tile.rows), (tap, tile.taps)], product)
        scales = start + (tile.vector_words - SCALE_WORDS) + word
        scales = scales + PHASES.index(number) * 2 * _WORD
        multiplier, shift = (b.load(self.stream, scales + i * _WORD) for i in (0, 1))
        value = b.add(b.call("requantize", Var(total), multiplier, shift), tile.zero_point)
        target = affine("pixel") * tile.channels + channel
        yield b.store(self.output, (target,), b.clamp(value, tile.low, tile.high))
