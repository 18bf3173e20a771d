"""Depthwise convolutions, 16 channels at a time, row by row.

The rows under an output row are copied into a buffer, strip by strip: in a ring they need not
follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.mve.depthwise import DepthwiseLayer, DepthwiseMve
from tinycc_ml.kernels.mve.depthwise_packing import pack_depthwise
from tinycc_ml.kernels.rows.base import RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import CYCLES_PER_ROW, is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.kernels.rows.strips import Loops, Strip, copying_cycles, row_of_strips, strips_of
from tinycc_ml.ops import Workload

#: Strips are as wide as this allows.
_SCRATCH_LIMIT_BYTES = 512


class DepthwiseRowsMve(RowKernel):
    """One filter per channel, up to 64 taps; any stride, dilation and padding."""

    name = "depthwise_conv2d_s8_rows__mve_16"
    op = "depthwise_conv2d"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not is_image(workload.operand("input")):
            return "the layer has no rows"
        problem = DepthwiseMve().accepts(workload, constants)
        if problem is None and not _strips(ConvShape.of(workload)):
            return "some rows see nothing but padding"
        return problem

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
            reads_first=len(strips) == 1 and len(buffers) > 3,
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        shape = ConvShape.of(workload)
        copied = copying_cycles(shape, _strips(shape))
        return DepthwiseMve().cycles(workload) + CYCLES_PER_ROW * shape.out_size[0] + copied

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        layer = DepthwiseLayer(_strips(ConvShape.of(workload))[0].shape, one_line=True)
        folded = layer.fold(constants)
        assert not isinstance(folded, str)  # the layer is not refused
        return (Constant(pack_depthwise(folded, layer.together)),)


def _strips(shape: ConvShape) -> tuple[Strip[ConvShape], ...]:
    return strips_of(shape, _make, _SCRATCH_LIMIT_BYTES)


def _make(shape: ConvShape) -> Loops | None:
    if shape.input_columns < 1:
        return None
    kernel = DepthwiseLayer(shape, one_line=True).kernel("row")
    return kernel.buffers, kernel.body
