"""Convolutions with the GEMM tile of two pixels by four filters.

What differs is how the columns come about (:mod:`conv_columns` has the three ways).
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.mve.conv_columns import Columns, Direct, Gathered, Rows, in_one_row
from tinycc_ml.kernels.mve.layer import pack_layer, refusal
from tinycc_ml.loopir import LoopKernel, verify_kernel
from tinycc_ml.ops import Workload, op

#: Instructions of a step for eight outputs; of an output besides; of copying a vector.
_STEP, _OUTPUT, _PIECE = 14, 4, 3


class Conv2DMve(KernelDef):
    """Any kernel size, stride, dilation and padding; any number of channels."""

    name = "conv2d_s8__mve_2x4"
    op = "conv2d"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        shape = _shape(workload)
        if not _ways(shape):
            return "no column is a few pieces of the input"
        return refusal(shape.numbers, constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        columns = _columns(workload)
        loops = LoopKernel(self.op, *columns.kernel())
        access = columns.access or op(self.op).access(workload)
        return Kernel(self.name, (), verify_kernel(loops), access)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return instructions(_columns(workload)) + 2 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        columns = _columns(workload)
        return (pack_layer(columns.shape.numbers, columns.packed_tile(), constants),)


def _shape(workload: Workload) -> ConvShape:
    return in_one_row(ConvShape.of(workload))


def _ways(shape: ConvShape) -> list[Columns]:
    ways: tuple[type[Direct | Rows | Gathered], ...] = (Direct, Rows, Gathered)
    return [way(shape) for way in ways if way.takes(shape)]


def _columns(workload: Workload) -> Columns:
    """The cheapest way that this shape allows; of equal ones the first."""
    return min(_ways(_shape(workload)), key=instructions)


def instructions(columns: Columns) -> int:
    """Roughly; rows are copied in nearly no time."""
    s = columns.shape
    pixels = s.out_size[0] * s.out_size[1]
    quads = -(-s.out_channels // 4)
    sums = pixels * quads * (columns.steps * _STEP // 2 + 4 * _OUTPUT)
    return sums + pixels * columns.pieces * _PIECE
