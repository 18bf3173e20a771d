"""The loops around a depthwise tile: blocks of lines, and in each, four channels at a time."""

from __future__ import annotations

from itertools import groupby

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.copying import fill, place
from tinycc_ml.kernels.dsp.depthwise_planes_gather import gather_intrinsic
from tinycc_ml.kernels.dsp.depthwise_planes_layout import HORIZONTAL, Block, Layout
from tinycc_ml.kernels.dsp.depthwise_planes_meaning import depthwise_intrinsic
from tinycc_ml.kernels.dsp.depthwise_planes_tile import CHANNELS, WORD_ELEMENTS
from tinycc_ml.kernels.dsp.depthwise_shared import shared_depthwise_intrinsic
from tinycc_ml.kernels.dsp.gather_shared import shared_gather_intrinsic
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    LoopKernel,
    Role,
    Stmt,
    affine,
)


def channel_groups(channels: int) -> list[int]:
    """The first channel of each group; the last group may repeat some of the one before."""
    return [min(c, channels - CHANNELS) for c in range(0, channels, CHANNELS)]


def line_ends(layout: Layout, planes: Buffer, line: str) -> tuple[Stmt, ...]:
    """Zero points at the ends of all lines, where they are padding."""
    left = layout.shape.padding[layout.along]
    ends = [*range(left), *range(left + layout.pixels, 2 * layout.words)]
    zero = layout.shape.numbers.input_zero_point
    body = tuple(
        stmt
        for element in ends
        for channel in range(CHANNELS)
        for stmt in fill(place(planes, line, _in_line(element) + 2 * channel), 1, zero, "")
    )
    return (For(line, layout.plane_lines, body),) if body else ()


def depthwise_loops(name: str, layout: Layout) -> LoopKernel:
    """The function of a layer."""
    return _Loops(layout).kernel(name)


class _Loops:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        s = layout.shape
        groups = len(channel_groups(s.in_channels))
        words = layout.tile(1).stream_words
        planes = (layout.plane_lines, layout.words * WORD_ELEMENTS)
        self.input = Buffer("input", DType.INT8, (*s.in_size, s.in_channels), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (groups, words), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (*s.out_size, s.in_channels), Role.OUTPUT)
        self.planes = Buffer("planes", DType.INT16, planes, Role.SCRATCH)

    def kernel(self, name: str) -> LoopKernel:
        body = self.pad_lines()
        for _, equal in groupby(self.layout.blocks(), lambda block: block.pattern):
            blocks = list(equal)
            body += self.blocks(blocks[0], len(blocks))
        return LoopKernel(name, (self.input, self.stream, self.output, self.planes), body)

    def pad_lines(self) -> tuple[Stmt, ...]:
        """Padding at the ends of lines: written once, as nothing else is ever stored there."""
        return line_ends(self.layout, self.planes, "pad_line")

    def fill(self, line: AffineLike, start: int, elements: int, name: str) -> tuple[Stmt, ...]:
        """Zero points into a line of the planes."""
        zero = self.layout.shape.numbers.input_zero_point
        return fill(place(self.planes, line, start), elements, zero, name)

    def blocks(self, block: Block, count: int) -> tuple[Stmt, ...]:
        """A number of blocks in a row that differ in nothing but their place."""
        suffix = f"_{block.first}" if block.first else ""
        body = self.pad_block(block, suffix)
        channels = self.layout.shape.in_channels
        first = affine(f"oy_block{suffix}") * block.lines + block.first
        group = f"oc_group{suffix}"
        calls = self.calls(block, first, affine(group) * CHANNELS, affine(group))
        groups: tuple[Stmt, ...] = (For(group, channels // CHANNELS, calls),)
        if channels % CHANNELS:
            last = affine(channels - CHANNELS)
            groups += self.calls(block, first, last, affine(channels // CHANNELS))
        return (*body, For(f"oy_block{suffix}", count, groups))

    def pad_block(self, block: Block, suffix: str) -> tuple[Stmt, ...]:
        """Lines of padding above and below those of the input."""
        elements = self.planes.shape[1]
        end = block.above + block.gathered
        lines = [*range(block.above), *range(end, end + block.below)]
        return tuple(
            stmt for line in lines for stmt in self.fill(line, 0, elements, f"pad{suffix}_{line}")
        )

    def calls(
        self, block: Block, first: Affine, channel: Affine, group: Affine
    ) -> tuple[Stmt, ...]:
        """Gathers and computes four channels of a block that starts at a line."""
        layout = self.layout
        s, across = layout.shape, layout.across
        source = first * s.stride[across] - s.padding[across] + block.above
        word = s.padding[layout.along] // 2 * WORD_ELEMENTS
        gathered = (
            Argument("input", (*self.pixel(source), channel)),
            Argument("planes", (affine(block.above), affine(word))),
        )
        computed = (
            Argument("planes", (affine(0), affine(0))),
            Argument("stream", (group, affine(0))),
            Argument("output", (*self.pixel(first), channel)),
        )
        gather, tile = layout.gather(block.gathered), layout.tile(block.lines)
        if layout.is_shared:
            return (
                CallIntrinsic(shared_gather_intrinsic(gather), gathered),
                CallIntrinsic(shared_depthwise_intrinsic(tile), computed),
            )
        return (
            CallIntrinsic(gather_intrinsic(gather), gathered),
            CallIntrinsic(depthwise_intrinsic(tile), computed),
        )

    def pixel(self, line: Affine) -> tuple[Affine, Affine]:
        """Row and column of a line's first pixel."""
        along_rows = self.layout.along == HORIZONTAL
        return (line, affine(0)) if along_rows else (affine(0), line)


def _in_line(element: int) -> int:
    """Where the element of a line lies, for the first channel."""
    return element // 2 * WORD_ELEMENTS + element % 2
