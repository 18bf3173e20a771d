"""Convolutions whose columns are windows of a buffer of input rows.

The rows under an output row are widened into the buffer, which all layers of a group share. It
would be the largest scratch of a group, so that a row is cut into strips of columns, and the buffer
holds the rows under one strip. Input columns between two strips are widened twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.conv_rows import Rows
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.layer import pack_layer, refusal
from tinycc_ml.kernels.rows.base import RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.kernels.rows.strips import Loops, Strip, row_of_strips, strips_of
from tinycc_ml.ops import Workload

#: Strips are as wide as this allows.
_SCRATCH_LIMIT_BYTES = 1024


class Conv2DRowsDsp(RowKernel):
    """Any kernel size, stride and padding, without horizontal dilation."""

    name = "conv2d_s8_rows__dsp_2x4"
    op = "conv2d"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not is_image(workload.operand("input")):
            return "the layer has no rows"
        shape = ConvShape.of(workload)
        strips = _strips(shape)
        if not strips:
            return "columns are no windows of rows"
        return refusal(shape.numbers, Rows(strips[0].shape).tile(2), constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        shape = ConvShape.of(workload)
        strips = _strips(shape)
        buffers, body = row_of_strips(shape, strips, _make)
        return RowLoops(
            buffers,
            shape.out_size[0],
            (("input", window_reads(workload)),),
            body,
            # All input rows are in the buffer before the first output is stored.
            reads_first=len(strips) == 1,
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return Conv2DDsp().cycles(workload) * 103 // 100

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        rows = Rows(_strips(ConvShape.of(workload))[0].shape)
        numbers, tile = rows.shape.numbers, rows.tile(2)
        return (pack_layer(numbers, tile, constants, rows.run, planar=rows.planar),)


def _strips(shape: ConvShape) -> tuple[Strip[ConvShape], ...]:
    return strips_of(shape, _make, _SCRATCH_LIMIT_BYTES)


def _make(shape: ConvShape) -> Loops | None:
    return Rows(shape).kernel() if Rows.takes(shape) else None
