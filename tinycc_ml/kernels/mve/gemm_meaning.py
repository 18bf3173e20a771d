"""What a GEMM tile computes, as loop IR: its fallback in C, and what host builds run.

It reads the same stream as the assembly, so that packing is tested on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.mve.gemm_assembly import PLAN, assemble
from tinycc_ml.kernels.mve.gemm_tile import LANES, QUAD, SCALE_WORDS, GemmTile, Group
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Buffer,
    Condition,
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


def gemm_intrinsic(tile: GemmTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters columns, stream, output."""
    pixels = tile.pixels * tile.turns
    return Intrinsic(
        tile.name,
        _Meaning(tile).kernel(),
        "mve",
        assemble(tile),
        (
            f"{pixels} pixels by {tile.channels} filters of {tile.runs * tile.run} elements: "
            f"sums, requantization and stores, {tile.pixels} pixels by {tile.filters} filters at "
            "a time.",
            *(f"{line}." for line in PLAN),
        ),
    )


class _Meaning:
    def __init__(self, tile: GemmTile) -> None:
        self.tile = tile
        self.columns = Buffer("columns", DType.INT8, (tile.column_elements,), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.output_elements,), Role.OUTPUT)

    def kernel(self) -> LoopKernel:
        tile = self.tile
        body: list[Stmt] = []
        if tile.full_groups:
            words = tile.group_words(tile.full_group)
            start, channel = affine("group") * words, affine("group") * tile.filters
            group = self.group(tile.full_group, start, channel, "")
            body.append(For("group", tile.full_groups, tuple(group)))
        if tile.last_group:
            words = tile.full_groups * tile.group_words(tile.full_group)
            channel = affine(tile.full_groups * tile.filters)
            body += self.group(tile.last_group, affine(words), channel, "_last")
        pixels = For("pixel", tile.pixels * tile.turns, tuple(body))
        return LoopKernel(tile.name, (self.columns, self.stream, self.output), (pixels,))

    def group(self, group: Group, start: Affine, channel: Affine, suffix: str) -> Iterator[Stmt]:
        """All filters of a group that have an output."""
        weights = self.tile.group_words(group) - len(group.quads) * SCALE_WORDS
        for quad in group.quads:
            live = min(QUAD, group.live - quad)
            name = f"filter{suffix}_{quad}" if quad else f"filter{suffix}"
            scales = start + weights + quad // QUAD * SCALE_WORDS + affine(name)
            words = start + (affine(name) + quad) * (LANES // _WORD)
            at = affine("pixel") * self.tile.channels + channel + affine(name) + quad
            total = f"acc{name.removeprefix('filter')}"
            body = (
                Local(total, DType.INT32, b.load(self.stream, scales)),
                *self.products(total, words, group.filters, name.removeprefix("filter")),
                self.store(total, scales, at),
            )
            yield For(name, live, body)

    def products(self, total: str, words: Affine, filters: int, suffix: str) -> tuple[Stmt, ...]:
        """The products of a filter with the column of the pixel; four elements are a word."""
        tile = self.tile
        run, step, word = f"run{suffix}", f"step{suffix}", f"word{suffix}"
        vector = affine(run) * tile.steps + affine(step)
        at = words + vector * (filters * LANES // _WORD) + affine(word)
        element = affine(step) * LANES + affine(word) * _WORD
        column = affine("pixel") * tile.pixel_stride + affine(run) * tile.run_stride + element

        def word_of(count: int, suffix: str) -> tuple[Stmt, ...]:
            local = f"weights{suffix}"
            return (
                Local(local, DType.INT32, b.load(self.stream, at)),
                *(
                    Accumulate(
                        total,
                        b.mul(
                            b.load(self.columns, column + i), b.call("signed_byte", Var(local), i)
                        ),
                    )
                    for i in range(count)
                ),
            )

        whole, rest = divmod(tile.run, _WORD)
        end = whole * _WORD
        body: tuple[Stmt, ...] = ()
        if whole:
            inside = () if tile.rest == 0 else (Condition(element, 0, end),)
            body += b.when(inside, *word_of(_WORD, suffix))
        if rest:
            body += b.when((Condition(element, end, end + 1),), *word_of(rest, f"{suffix}_rest"))
        return b.nest([(run, tile.runs), (step, tile.steps), (word, LANES // _WORD)], *body)

    def store(self, total: str, scales: Affine, at: Affine) -> Stmt:
        tile = self.tile
        multiplier, shift = (b.load(self.stream, scales + i * QUAD) for i in (1, 2))
        value = b.add(b.call("requantize", Var(total), multiplier, shift), tile.zero_point)
        return b.store(self.output, (at,), b.clamp(value, tile.low, tile.high))
