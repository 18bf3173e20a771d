"""The loops around the Winograd tiles: rows of tiles, and in each, pairs of tiles.

For each row of tiles the input rows under it are copied, with the padding around them, so that the
tiles need not know of padding, and every input is read before an output is written that may lie
over it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.copying import fill, place
from tinycc_ml.kernels.dsp.winograd_layout import Layout
from tinycc_ml.kernels.dsp.winograd_meaning import input_intrinsic, product_intrinsic
from tinycc_ml.kernels.dsp.winograd_packing import INPUT_OFFSET
from tinycc_ml.kernels.dsp.winograd_rows import offset_intrinsic
from tinycc_ml.kernels.dsp.winograd_tile import TILES
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    CallIntrinsic,
    Condition,
    For,
    If,
    LoopKernel,
    Role,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b


def winograd_loops(name: str, layout: Layout) -> LoopKernel:
    """The function of a layer."""
    return _Loops(layout).kernel(name)


def winograd_line(layout: Layout, line: str) -> tuple[tuple[Buffer, ...], tuple[Stmt, ...]]:
    """Parameters, and the statements that compute one row of tiles.

    Args:
        layout: Of a layer whose rows are a multiple of a tile's.
        line: The variable that tells which row of tiles.
    """
    loops = _Loops(layout)
    (run,) = layout.lines()
    first = affine(line) * run.step
    body = (*loops.pad(), *loops.load(first, {line: run.count}, ""), *loops.tiles(first, ""))
    return loops.buffers, body


class _Loops:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        s, n = layout.shape, layout.algorithm.size
        tile = layout.product_tile(TILES)
        in_row = s.in_size[1] * s.in_channels
        out_row = s.out_size[1] * s.out_channels
        self.input = Buffer("input", DType.INT8, (s.in_size[0], in_row), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (s.out_size[0], out_row), Role.OUTPUT)
        self.rows = Buffer("rows", DType.UINT8, (n, layout.row_elements), Role.SCRATCH)
        self.inputs = Buffer("inputs", DType.INT16, (tile.inputs_elements,), Role.SCRATCH)
        self.sums = Buffer("products", DType.UINT32, (tile.sums_elements,), Role.SCRATCH)

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        """The parameters."""
        return (self.input, self.stream, self.output, self.rows, self.inputs, self.sums)

    def kernel(self, name: str) -> LoopKernel:
        body = self.pad()
        for run in self.layout.lines():
            suffix = f"_y{run.first}" if run.first else ""
            line = f"ty{suffix}"
            first = affine(line) * run.step + run.first
            loaded = self.load(first, {line: run.count}, suffix)
            body += (For(line, run.count, (*loaded, *self.tiles(first, suffix))),)
        return LoopKernel(name, self.buffers, body)

    def fill(self, row: AffineLike, start: int, elements: int, name: str) -> tuple[Stmt, ...]:
        """Zero points into a row."""
        zero = self.layout.shape.numbers.input_zero_point + INPUT_OFFSET
        return fill(place(self.rows, row, start), elements, zero, name)

    def pad(self) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        layout = self.layout
        left = layout.left * layout.channels
        end = left + layout.shape.in_size[1] * layout.channels
        body = self.fill("pad_row", 0, left, "left")
        body += self.fill("pad_row", end, layout.row_elements - end, "right")
        return (For("pad_row", layout.algorithm.size, body),) if body else ()

    def load(self, first: Affine, lines: Mapping[str, int], suffix: str) -> tuple[Stmt, ...]:
        """The input rows under the outputs from row `first` on, for the extent of its variable."""
        layout = self.layout
        s, n, row = layout.shape, layout.algorithm.size, f"ky{suffix}"
        source = first + affine(row) - s.padding[0]
        low, high = source.bounds({**lines, row: n})
        start, elements = layout.left * layout.channels, s.in_size[1] * layout.channels
        body: tuple[Stmt, ...] = b.when(
            [b.inside(source, s.in_size[0])] if low < 0 or high >= s.in_size[0] else [],
            *self.copy(source, row, suffix),
        )
        outside = {"above": (low, 0), "below": (s.in_size[0], high + 1)}
        for name, (begin, end) in outside.items():
            if begin < end:
                blank = self.fill(row, start, elements, f"{name}{suffix}")
                body += (If((Condition(source, begin, end),), blank),)
        return (For(row, n, body),)

    def copy(self, source: Affine, row: str, suffix: str) -> tuple[Stmt, ...]:
        """A row of the input."""
        layout = self.layout
        s, start = layout.shape, layout.left * layout.channels
        if s.in_channels == layout.channels:
            windows = (
                Argument("input", (source, affine(0))),
                Argument("rows", (affine(row), affine(start))),
            )
            return (CallIntrinsic(offset_intrinsic(s.in_size[1] * s.in_channels), windows),)
        column, channel = affine(f"column{suffix}"), affine(f"channel{suffix}")
        value = b.load(self.input, source, column * s.in_channels + channel)
        target = (affine(row), column * layout.channels + channel + start)
        return b.nest(
            [(f"column{suffix}", s.in_size[1]), (f"channel{suffix}", s.in_channels)],
            b.store(self.rows, target, b.add(value, INPUT_OFFSET)),
        )

    def tiles(self, first: Affine, suffix: str) -> tuple[Stmt, ...]:
        """All tiles of a row of tiles."""
        body: tuple[Stmt, ...] = ()
        for run in self.layout.blocks():
            block = f"tx{suffix}_x{run.first}" if run.first else f"tx{suffix}"
            column = affine(block) * run.step + run.first
            body += (For(block, run.count, tuple(self.block(first, column, run.tiles))),)
        return body

    def block(self, first: Affine, column: Affine, tiles: int) -> list[Stmt]:
        """One or two tiles."""
        layout = self.layout
        calls: list[Stmt] = []
        for tile in range(tiles):
            at = (column + tile * layout.tile_distance) * layout.channels
            source, target = (
                Argument("rows", (affine(0), at)),
                Argument("inputs", (affine(2 * tile),)),
            )
            calls.append(CallIntrinsic(input_intrinsic(layout.input_tile()), (source, target)))
        windows = (
            Argument("inputs", (affine(0),)),
            Argument("stream", (affine(0),)),
            Argument("output", (first, column * layout.shape.out_channels)),
            Argument("products", (affine(0),)),
        )
        calls.append(CallIntrinsic(product_intrinsic(layout.product_tile(tiles)), windows))
        return calls
