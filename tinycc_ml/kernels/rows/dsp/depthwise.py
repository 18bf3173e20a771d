"""Depthwise convolutions on planes of four channels, one row of the output at a time.

The lines under a row are gathered one by one, as in a ring they need not follow each other.
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
from tinycc_ml.kernels.rows.one_row import is_image
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


class DepthwiseRowsDsp(RowKernel):
    """One filter per channel, four channels or more; any kernel size, stride and padding."""

    name = "depthwise_conv2d_s8_rows__dsp_1x4"
    op = "depthwise_conv2d"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        channels = workload.operand("input").shape[3]
        if workload.operand("output").shape[3] != channels:
            return "several filters per channel; allowed 1"
        if channels < CHANNELS or not is_image(workload.operand("input")):
            return f"{channels} channels; allowed {CHANNELS} or more, and several rows"
        layout = _layout(workload)
        problem = layout_problem(layout) or gather_problem(layout.gather(1))
        problem = problem or tile_problem(layout.tile(1))
        if problem:
            return problem
        folded = channels_of(layout, constants)
        return folded if isinstance(folded, str) else packing_problem(folded)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        layout = _layout(workload)
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
            buffers, y[1], (("input", window_reads(workload)),), _row(layout, buffers[3])
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return DepthwisePlanes().cycles(workload) * 17 // 10

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        layout = _layout(workload)
        folded = channels_of(layout, constants)
        assert not isinstance(folded, str)  # the layer is not refused
        words = pack_depthwise(folded, layout.tile(1))
        groups = [words[first : first + CHANNELS] for first in channel_groups(len(words))]
        return (Constant(np.stack(groups).reshape(len(groups), -1)),)


def _layout(workload: Workload) -> Layout:
    return Layout(ConvShape.of(workload), HORIZONTAL, 1)


def _row(layout: Layout, planes: Buffer) -> tuple[Stmt, ...]:
    """The statements for row ``oy``."""
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


def _tap(layout: Layout, variable: str) -> Affine:
    """The input row under line `variable` of the planes."""
    s = layout.shape
    return affine(ROW) * s.stride[0] + affine(variable) - s.padding[0]


def _lines_outside(layout: Layout, planes: Buffer) -> tuple[Stmt, ...]:
    """Lines above and below the image hold zero points."""
    s = layout.shape
    row = _tap(layout, "pad_ky")
    low, high = row.bounds({ROW: s.out_size[0], "pad_ky": layout.plane_lines})
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
    low, high = row.bounds({ROW: s.out_size[0], ky: layout.plane_lines})
    inside = () if low >= 0 and high < s.in_size[0] else (b.inside(row, s.in_size[0]),)
    compute = CallIntrinsic(
        depthwise_intrinsic(layout.tile(1)),
        (
            Argument("planes", (affine(0), affine(0))),
            Argument("stream", (group, affine(0))),
            Argument("output", (affine(ROW), affine(channel))),
        ),
    )
    return (For(ky, layout.plane_lines, b.when(inside, gather)), compute)
