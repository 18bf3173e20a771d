"""Depthwise convolutions on planes of four channels, some rows of the output at a time.

The lines under a block of rows are gathered one by one, as in a ring they need not follow each
other. Lines between two blocks are gathered twice, so that larger blocks are faster.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.copying import fill, place
from tinycc_ml.kernels.dsp.depthwise_planes import DepthwisePlanes, channels_of
from tinycc_ml.kernels.dsp.depthwise_planes_assembly import tile_problem
from tinycc_ml.kernels.dsp.depthwise_planes_gather import gather_intrinsic, gather_problem
from tinycc_ml.kernels.dsp.depthwise_planes_layout import HORIZONTAL, Layout, layout_problem
from tinycc_ml.kernels.dsp.depthwise_planes_loops import channel_groups, line_ends
from tinycc_ml.kernels.dsp.depthwise_planes_meaning import depthwise_intrinsic
from tinycc_ml.kernels.dsp.depthwise_planes_packing import pack_depthwise, packing_problem
from tinycc_ml.kernels.dsp.depthwise_planes_tile import CHANNELS, WORD_ELEMENTS
from tinycc_ml.kernels.rows.base import ROW, RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import CYCLES_PER_ROW, block_problem, is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    CallIntrinsic,
    Condition,
    For,
    If,
    Role,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload

#: Of a block and four channels: its calls, and a pixel of those lines that are gathered again. Both
#: as measured on a Cortex-M4, with lines of 5, 24 and 48 pixels.
_CYCLES_PER_CALL, _CYCLES_PER_PIXEL = 180, 9


class DepthwiseRowsDsp(RowKernel):
    """One filter per channel, four channels or more; any kernel size, stride and padding."""

    op = "depthwise_conv2d"
    requires = frozenset({"dsp"})

    def __init__(self, block: int = 1) -> None:
        self.block = block
        self.name = f"depthwise_conv2d_s8_rows__dsp_{block}x4"  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        channels = workload.operand("input").shape[3]
        if workload.operand("output").shape[3] != channels:
            return "several filters per channel; allowed 1"
        if channels < CHANNELS or not is_image(workload.operand("input")):
            return f"{channels} channels; allowed {CHANNELS} or more, and several rows"
        layout = self._layout(workload)
        problem = block_problem(workload, self.block) or layout_problem(layout)
        problem = problem or gather_problem(layout.gather(1))
        problem = problem or tile_problem(layout.tile(self.block))
        if problem:
            return problem
        folded = channels_of(layout, constants)
        return folded if isinstance(folded, str) else packing_problem(folded)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        layout = self._layout(workload)
        x, y = workload.operand("input").shape, workload.operand("output").shape
        groups = len(channel_groups(x[3]))
        buffers = (
            Buffer("input", DType.INT8, (x[1], x[2] * x[3]), Role.INPUT),
            Buffer("stream", DType.INT32, (groups, layout.tile(1).stream_words), Role.CONSTANT),
            Buffer("output", DType.INT8, (y[1], y[2] * y[3]), Role.OUTPUT),
            Buffer(
                "planes",
                DType.INT16,
                (layout.plane_lines, layout.words * WORD_ELEMENTS),
                Role.SCRATCH,
            ),
        )
        return RowLoops(
            buffers,
            y[1] // self.block,
            (("input", window_reads(workload).of_block(self.block)),),
            _block(layout, buffers[3]),
            block=self.block,
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        layout = self._layout(workload)
        again = max(0, layout.plane_lines - self.block * layout.shape.stride[0])
        calls = len(channel_groups(layout.shape.in_channels))
        extra = calls * (_CYCLES_PER_CALL + _CYCLES_PER_PIXEL * again * layout.pixels)
        return DepthwisePlanes().cycles(workload) + _turns(layout) * (extra + CYCLES_PER_ROW)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        layout = self._layout(workload)
        folded = channels_of(layout, constants)
        assert not isinstance(folded, str)  # the layer is not refused
        words = pack_depthwise(folded, layout.tile(1))
        groups = [words[first : first + CHANNELS] for first in channel_groups(len(words))]
        return (Constant(np.stack(groups).reshape(len(groups), -1)),)

    def _layout(self, workload: Workload) -> Layout:
        return Layout(ConvShape.of(workload), HORIZONTAL, self.block)


def _block(layout: Layout, planes: Buffer) -> tuple[Stmt, ...]:
    """The statements for block ``oy``."""
    s = layout.shape
    body = line_ends(layout, planes, "pad_line")
    body += _lines_outside(layout, planes)
    channels = s.in_channels
    group = affine("oc_group")
    calls = _calls(layout, group * CHANNELS, group, "ky")
    body += (For("oc_group", channels // CHANNELS, calls),)
    if channels % CHANNELS:
        last = affine(channels // CHANNELS)
        body += _calls(layout, affine(channels - CHANNELS), last, "ky_last")
    return body


def _turns(layout: Layout) -> int:
    return layout.shape.out_size[0] // layout.block_lines


def _tap(layout: Layout, variable: str) -> Affine:
    """The input row under line `variable` of the planes."""
    s = layout.shape
    return affine(ROW) * (layout.block_lines * s.stride[0]) + affine(variable) - s.padding[0]


def _lines_outside(layout: Layout, planes: Buffer) -> tuple[Stmt, ...]:
    """Lines above and below the image hold zero points."""
    s = layout.shape
    row = _tap(layout, "pad_ky")
    low, high = row.bounds({ROW: _turns(layout), "pad_ky": layout.plane_lines})
    ranges = (("above", low, 0), ("below", s.in_size[0], high + 1))
    zero = s.numbers.input_zero_point
    line = place(planes, "pad_ky", 0)
    blanks = tuple(
        If((Condition(row, first, end),), fill(line, planes.shape[1], zero, name))
        for name, first, end in ranges
        if first < end
    )
    return (For("pad_ky", layout.plane_lines, blanks),) if blanks else ()


def _calls(layout: Layout, channel: AffineLike, group: Affine, ky: str) -> tuple[Stmt, ...]:
    """Gathers and computes four channels."""
    s = layout.shape
    word = s.padding[1] // 2 * WORD_ELEMENTS
    row = _tap(layout, ky)
    gather = CallIntrinsic(
        gather_intrinsic(layout.gather(1)),
        (
            Argument("input", (row, affine(channel))),
            Argument("planes", (affine(ky), affine(word))),
        ),
    )
    low, high = row.bounds({ROW: _turns(layout), ky: layout.plane_lines})
    inside = () if low >= 0 and high < s.in_size[0] else (b.inside(row, s.in_size[0]),)
    compute = CallIntrinsic(
        depthwise_intrinsic(layout.tile(layout.block_lines)),
        (
            Argument("planes", (affine(0), affine(0))),
            Argument("stream", (group, affine(0))),
            Argument("output", (affine(ROW) * layout.block_lines, affine(channel))),
        ),
    )
    return (For(ky, layout.plane_lines, b.when(inside, gather)), compute)
