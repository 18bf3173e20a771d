"""What a depthwise tile computes, as loop IR: its fallback in C, and what host builds run.

It reads the same planes and the same stream as the assembly.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.depthwise_planes_assembly import PLAN, assemble
from tinycc_ml.kernels.dsp.depthwise_planes_tile import CHANNELS, SCALE_WORDS, PlanesTile
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


def depthwise_intrinsic(tile: PlanesTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters planes, stream, output."""
    return Intrinsic(
        tile.name,
        planes_meaning(tile),
        "dsp",
        assemble(tile),
        (
            f"{CHANNELS} channels of {tile.lines} lines of {tile.outputs} outputs, "
            f"{tile.rows}x{tile.taps} taps each: sums, requantization and stores.",
            *(f"{line}." for line in PLAN),
        ),
    )


def planes_meaning(tile: PlanesTile) -> LoopKernel:
    """What a tile computes, with those parameters."""
    return _Meaning(tile).kernel()


class _Meaning:
    def __init__(self, tile: PlanesTile) -> None:
        self.tile = tile
        planes = tile.plane_lines * tile.line_elements
        self.planes = Buffer("planes", DType.INT16, (planes,), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.output_elements,), Role.OUTPUT)

    def kernel(self) -> LoopKernel:
        """Outputs come in pairs, so that the half of a word that holds a tap is known."""
        tile = self.tile
        pairs, odd = divmod(tile.outputs, 2)
        lines: tuple[Stmt, ...] = ()
        if pairs:
            first = affine("pair") * 2
            both = (*self.element(first, 0, ""), *self.element(first, 1, "_odd"))
            lines += (For("pair", pairs, both),)
        if odd:
            lines += tuple(self.element(affine(tile.outputs - 1), 0, "_last"))
        body = (*self.weights(), For("line", tile.lines, lines))
        channel = For("channel", CHANNELS, body)
        return LoopKernel(tile.name, (self.planes, self.stream, self.output), (channel,))

    def weights(self) -> Iterator[Stmt]:
        """The channel's weights as locals."""
        tile = self.tile
        for row in range(tile.rows):
            for tap in range(tile.taps):
                word, half = tile.home(tap)
                at = self.word(SCALE_WORDS + row * len(tile.weight_starts) + word)
                value = b.call("int16_half", b.load(self.stream, at), half)
                yield Local(f"w{row}_{tap}", DType.INT32, value)

    def word(self, number: int) -> Affine:
        """A word of the channel's part of the stream."""
        return affine("channel") * self.tile.channel_words + number

    def element(self, first: Affine, number: int, suffix: str) -> Iterator[Stmt]:
        """The output so many behind an even one."""
        tile, total = self.tile, f"acc{suffix}"
        yield Local(total, DType.INT32, b.load(self.stream, self.word(0)))
        start = affine("line") * (tile.step_lines * tile.line_elements) + affine("channel") * 2
        # An even number of outputs is a whole number of words, each 2 * CHANNELS elements.
        start = start + first * (tile.stride * CHANNELS)
        for row in range(tile.rows):
            for tap in range(tile.taps):
                word, half = divmod(number * tile.stride + tap, 2)
                at = start + row * tile.row_lines * tile.line_elements
                x = b.load(self.planes, at + word * 2 * CHANNELS + half)
                yield Accumulate(total, b.mul(x, Var(f"w{row}_{tap}")))
        function = "requantize_signed" if tile.corrects_sign else "requantize_relu"
        # The stream's weights and bias are doubled.
        scales = (b.load(self.stream, self.word(i)) for i in range(1, SCALE_WORDS))
        value = b.call(function, b.div(Var(total), 2), *scales)
        at = affine("line") * tile.line_step + affine("channel")
        at = at + (first + number) * tile.output_step
        yield b.store(self.output, (at,), b.clamp(value, tile.low, tile.high))
