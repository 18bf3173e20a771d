"""Convolutions on vectors, row by row.

Kernels of one row read the input in place. Taller ones copy the rows under an output row into a
buffer, strip by strip: in a ring the rows need not follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.mve.conv2d import Conv2DMve, instructions
from tinycc_ml.kernels.mve.conv_columns import Columns, Direct, Gathered, Rows
from tinycc_ml.kernels.mve.layer import pack_layer, refusal
from tinycc_ml.kernels.rows.base import RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import CYCLES_PER_ROW, is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.kernels.rows.strips import (
    Loops,
    Make,
    Strip,
    copying_cycles,
    row_of_strips,
    strips_of,
)
from tinycc_ml.ops import Workload

_Way = type[Direct] | type[Rows] | type[Gathered]
#: Strips are as wide as this allows.
_SCRATCH_LIMIT_BYTES = 512


class Conv2DRowsMve(RowKernel):
    """Any kernel size, stride, dilation and padding; any number of channels."""

    name = "conv2d_s8_rows__mve_2x4"
    op = "conv2d"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not is_image(workload.operand("input")):
            return "the layer has no rows"
        shape = ConvShape.of(workload)
        if not _ways(shape) or not _strips(shape):
            return "no column is a few pieces of the input"
        return refusal(shape.numbers, constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        shape = ConvShape.of(workload)
        strips = _strips(shape)
        buffers, body = row_of_strips(shape, strips, _maker(_way(shape)))
        return RowLoops(
            buffers,
            shape.out_size[0],
            (("input", window_reads(workload)),),
            body,
            # All input rows are in the buffer before the first output is stored.
            reads_first=len(strips) == 1 and _way(shape) is not Direct,
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        shape = ConvShape.of(workload)
        copied = 0 if _way(shape) is Direct else copying_cycles(shape, _strips(shape))
        return Conv2DMve().cycles(workload) + CYCLES_PER_ROW * shape.out_size[0] + copied

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        shape = ConvShape.of(workload)
        columns: Columns = _way(shape)(_strips(shape)[0].shape)
        return (pack_layer(shape.numbers, columns.packed_tile(), constants),)


def _ways(shape: ConvShape) -> list[_Way]:
    """The ways to make columns; in place only where a column is of one row."""
    ways: tuple[_Way, ...] = (Direct, Rows, Gathered)
    return [w for w in ways if w.takes(shape) and (w is not Direct or shape.kernel[0] == 1)]


def _way(shape: ConvShape) -> _Way:
    """The cheapest; of equal ones the first."""
    return min(_ways(shape), key=lambda way: instructions(way(shape)))


def _strips(shape: ConvShape) -> tuple[Strip[ConvShape], ...]:
    return strips_of(shape, _maker(_way(shape)), _SCRATCH_LIMIT_BYTES)


def _maker(way: _Way) -> Make[ConvShape]:
    def make(shape: ConvShape) -> Loops | None:
        return way(shape).kernel() if way.takes(shape) else None

    return make
