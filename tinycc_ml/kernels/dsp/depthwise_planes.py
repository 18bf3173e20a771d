"""Depthwise convolution with words of two neighbouring int16 elements, four channels at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.depthwise_planes_assembly import tile_problem
from tinycc_ml.kernels.dsp.depthwise_planes_gather import gather_problem
from tinycc_ml.kernels.dsp.depthwise_planes_layout import (
    VERTICAL,
    Layout,
    layout_of,
    layout_problem,
)
from tinycc_ml.kernels.dsp.depthwise_planes_loops import channel_groups, depthwise_loops
from tinycc_ml.kernels.dsp.depthwise_planes_packing import pack_depthwise, packing_problem
from tinycc_ml.kernels.dsp.depthwise_planes_tile import CHANNELS
from tinycc_ml.kernels.dsp.depthwise_shared import shared_planes_problem
from tinycc_ml.kernels.dsp.gather_shared import shared_gather_problem
from tinycc_ml.kernels.dsp.requantize import Channels, fold_channels
from tinycc_ml.loopir import verify_kernel
from tinycc_ml.ops import Access, Whole, Window, Workload, op


class DepthwisePlanes(KernelDef):
    """One filter per channel, four channels or more; any kernel size, stride and padding."""

    name = "depthwise_conv2d_s8_planes__dsp_4x4"
    op = "depthwise_conv2d"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        channels = workload.operand("input").shape[3]
        filters = workload.operand("output").shape[3]
        if filters != channels:
            return f"{filters // channels} filters per channel; allowed 1"
        if channels < CHANNELS:
            return f"{channels} channels; allowed {CHANNELS} or more"
        layout = self.layout(workload)
        problem = layout_problem(layout) or self.problem(layout)
        if problem:
            return problem
        folded = channels_of(layout, constants)
        return folded if isinstance(folded, str) else packing_problem(folded)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        layout = self.layout(workload)
        loops = verify_kernel(depthwise_loops(self.op, layout))
        return Kernel(self.name, (), loops, _access(layout))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # Products come in twos, and gathering costs about as much as one of them.
        return op(self.op).macs(workload) * 21 // 10 + 4 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        layout = self.layout(workload)
        folded = channels_of(layout, constants)
        assert not isinstance(folded, str)  # the layer is not refused
        words = pack_depthwise(folded, layout.tile(1))
        groups = [words[first : first + CHANNELS] for first in channel_groups(len(words))]
        return (Constant(np.stack(groups).reshape(len(groups), -1)),)

    def layout(self, workload: Workload) -> Layout:
        """How the layer is cut."""
        return layout_of(ConvShape.of(workload))

    def problem(self, layout: Layout) -> str | None:
        """Why the texts cannot compute the layer, or ``None``."""
        return gather_problem(layout.gather(1)) or tile_problem(layout.tile(layout.block_lines))


class DepthwisePlanesShared(DepthwisePlanes):
    """The same with texts that layers of any size share; kernels of up to three rows."""

    name = "depthwise_conv2d_s8_planes__dsp_4x4_shared"

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        layout = self.layout(workload)
        lines, outputs_ = (layout.shape.out_size[a] for a in (layout.across, layout.along))
        # By line and by block of outputs, as counted.
        extra = layout.shape.in_channels * lines * (24 + 10 * -(-outputs_ // 4))
        return super().cycles(workload) + extra

    def layout(self, workload: Workload) -> Layout:
        """See the base class."""
        return layout_of(ConvShape.of(workload), is_shared=True)

    def problem(self, layout: Layout) -> str | None:
        """See the base class."""
        gather = layout.gather(layout.plane_lines)
        return shared_gather_problem(gather) or shared_planes_problem(
            layout.tile(layout.block_lines)
        )


def channels_of(layout: Layout, constants: Sequence[Constant]) -> Channels | str:
    """The channels, or why they cannot be computed, with their taps in the order of the lines."""
    weight, *others = (constant.array for constant in constants)
    order = (2, 1, 0) if layout.along == VERTICAL else (2, 0, 1)
    by_channel = np.ascontiguousarray(weight[0].transpose(order))
    return fold_channels(layout.shape.numbers, by_channel.reshape(len(by_channel), -1), *others)


def _access(layout: Layout) -> Access:
    """Block by block where all blocks are equal; nothing is promised where they are not.

    A block is as if it were a pixel whose window is all rows that it reads. Within it four channels
    after four are gathered and then computed, so that each channel is read before it is written.
    With a rest of channels this does not hold: the last four are computed with outputs already
    written.
    """
    s, rows = layout.shape, layout.shape.out_size[0]
    row = s.out_size[1] * s.in_channels
    pixel = s.in_channels if s.in_channels % CHANNELS == 0 else 0
    in_shape = (*s.in_size, s.in_channels)
    if layout.along == VERTICAL:
        whole = Window(in_shape, 1, s.in_size)
        return Access(rows * row, (("input", whole),), pixel_elements=pixel)
    lines = layout.block_lines
    if rows % lines:
        return Access(rows * row, (("input", Whole()),))
    block = Window(
        in_shape,
        1,
        (layout.plane_lines, s.in_size[1]),
        (lines * s.stride[0], 1),
        (1, 1),
        (s.padding[0], 0),
    )
    return Access(lines * row, (("input", block),), pixel_elements=pixel)
