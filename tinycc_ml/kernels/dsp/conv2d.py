"""Convolutions with the byte-pair GEMM tile of two pixels by four filters.

What differs is how the columns come about (:mod:`conv_columns` has the three ways).
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.conv_columns import Columns, Flat, Gathered
from tinycc_ml.kernels.dsp.conv_rows import Rows
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.layer import pack_layer, refusal
from tinycc_ml.loopir import LoopKernel, verify_kernel
from tinycc_ml.ops import Workload


class Conv2DDsp(KernelDef):
    """Any kernel size, stride, dilation and padding; any number of channels."""

    name = "conv2d_s8__dsp_2x4"
    op = "conv2d"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        columns = self.columns(ConvShape.of(workload))
        return refusal(columns.shape.numbers, columns.tile(2), constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        columns = self.columns(ConvShape.of(workload))
        loops = LoopKernel(self.op, *columns.kernel())
        return Kernel(self.name, (), verify_kernel(loops), columns.access())

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        columns = self.columns(ConvShape.of(workload))
        tile, count = columns.tile(2), outputs(workload)
        # 15 cycles for 16 products; 13 for requantization and an output's share of the loops.
        return count * tile.runs * 2 * tile.steps * 15 // 16 + 13 * count + columns.copy_cycles

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        columns = self.columns(ConvShape.of(workload))
        numbers, tile = columns.shape.numbers, columns.tile(2)
        return (pack_layer(numbers, tile, constants, columns.run, planar=columns.planar),)

    def columns(self, shape: ConvShape) -> Columns:
        """The cheapest way that this shape allows."""
        for way in (Flat, Rows):
            if way.takes(shape):
                return way(shape)
        return Gathered(shape)
