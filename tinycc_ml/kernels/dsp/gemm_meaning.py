"""What a GEMM tile computes, as loop IR: its fallback in C, and what host builds run.

It reads the same stream as the assembly, so that packing is tested on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.gemm_assembly import PLAN, assemble
from tinycc_ml.kernels.dsp.tile import SCALE_WORDS, GemmTile, Group
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    AffineLike,
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


def gemm_intrinsic(tile: GemmTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters columns, stream, output."""
    return Intrinsic(
        tile.name,
        gemm_meaning(tile),
        "dsp",
        assemble(tile),
        (
            f"{tile.pixels} pixels by {tile.channels} filters of {2 * tile.runs * tile.steps} "
            f"elements: sums, requantization and stores, {tile.filters} filters at a time.",
            *(f"{line}." for line in PLAN),
        ),
    )


def gemm_meaning(tile: GemmTile) -> LoopKernel:
    """What a tile computes, with those parameters."""
    return _Meaning(tile).kernel()


class _Meaning:
    def __init__(self, tile: GemmTile) -> None:
        self.tile = tile
        self.columns = Buffer("columns", DType.INT16, (tile.column_elements,), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.output_elements,), Role.OUTPUT)

    def kernel(self) -> LoopKernel:
        tile = self.tile
        body: list[Stmt] = []
        if tile.full_groups:
            words = tile.group_words(tile.full_group)
            start = affine("group") * words + tile.head_words
            channel = affine("group") * tile.filters
            group = self.group(tile.full_group, start, channel, "")
            body.append(For("group", tile.full_groups, tuple(group)))
        if tile.last_group:
            words = tile.full_groups * tile.group_words(tile.full_group)
            start = affine(words + tile.head_words)
            channel = affine(tile.full_groups * tile.filters)
            body += self.group(tile.last_group, start, channel, "_last")
        return LoopKernel(tile.name, (self.columns, self.stream, self.output), tuple(body))

    def group(self, group: Group, start: Affine, channel: Affine, suffix: str) -> Iterator[Stmt]:
        pairs = group.live // 2
        if pairs:
            pair = f"pair{suffix}"
            yield For(pair, pairs, self.pair(group, start, channel, affine(pair), suffix, 2))
        if group.live % 2:
            # The second filter of the last pair is only there to fill the words.
            yield from self.pair(group, start, channel, affine(pairs), f"{suffix}_odd", 1)

    def pair(
        self,
        group: Group,
        start: Affine,
        channel: Affine,
        pair: Affine,
        suffix: str,
        live: int,
    ) -> tuple[Stmt, ...]:
        """All pixels of one or two filters."""
        names = [f"first{suffix}", f"second{suffix}"][:live]
        pixel, run, step = (f"{name}{suffix}" for name in ("pixel", "run", "step"))
        bias = [start + pair * 2, start + pair * 2 + 1]
        word_at = affine(run) * (self.tile.steps * group.filters // 2) + pair
        word_at = word_at + affine(step) * (group.filters // 2) + start + group.filters
        column = affine(pixel) * self.tile.pixel_stride + affine(run) * self.tile.run_stride
        sums = b.nest(
            [(run, self.tile.runs), (step, self.tile.steps)],
            *self.products(names, word_at, column + affine(step) * self.tile.word_stride, suffix),
        )
        words = [b.load(self.stream, at) for at in bias]
        first, *second = (
            Local(names[0], DType.INT32, b.call("byte_pair_bias", *words)),
            *(Local(name, DType.INT32, words[1]) for name in names[1:]),
        )
        scales = [self.scale(group, start, pair * 2 + i) for i in range(live)]
        at = affine(pixel) * self.tile.channels + channel + pair * 2
        stores = [
            self.store(name, scale, at + i)
            for i, (name, scale) in enumerate(zip(names, scales, strict=True))
        ]
        return b.nest([(pixel, self.tile.pixels)], first, *second, *sums, *stores)

    def scale(self, group: Group, start: Affine, filter_: Affine) -> Affine:
        """Where multiplier, rounding and exponent of a filter are in the stream."""
        if self.tile.shares_scale:
            return affine(0)
        first = start + self.tile.group_words(group) - self.tile.scale_words(group)
        return first + filter_ * SCALE_WORDS

    def products(
        self, names: list[str], word_at: AffineLike, column: Affine, suffix: str
    ) -> Iterator[Stmt]:
        """The products of a word with two elements of the column."""
        word = f"word{suffix}"
        yield Local(word, DType.INT32, b.load(self.stream, word_at))
        for element in range(2):
            for name, half in zip(names, ("byte_pair_first", "byte_pair_second"), strict=False):
                weight = b.call(half, Var(word), element)
                yield Accumulate(name, b.mul(b.load(self.columns, column + element), weight))

    def store(self, name: str, scales: Affine, at: Affine) -> Stmt:
        function = "requantize_signed" if self.tile.corrects_sign else "requantize_relu"
        constants = [b.load(self.stream, scales + i) for i in range(3)]
        value = b.call(function, Var(name), *constants)
        return b.store(self.output, (at,), b.clamp(value, self.tile.low, self.tile.high))
