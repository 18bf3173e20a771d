"""Convolutions with texts that layers of any size share: small code, a few percent slower."""

from __future__ import annotations

from tinycc_ml.kernels.base import outputs
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.conv_columns import Columns, Gathered
from tinycc_ml.kernels.dsp.conv_interleaved import Interleaved
from tinycc_ml.kernels.dsp.conv_rows import Rows
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.gemm_shared import extra_cycles
from tinycc_ml.ops import Workload


class Conv2DDspShared(Conv2DDsp):
    """What :class:`Conv2DDsp` takes, with other columns for 1x1 kernels."""

    name = "conv2d_s8__dsp_2x4_shared"

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        pixels = outputs(workload) // workload.operand("output").shape[3]
        tile = self.columns(ConvShape.of(workload)).tile(2)
        return super().cycles(workload) + -(-pixels // 2) * extra_cycles(tile)

    def columns(self, shape: ConvShape) -> Columns:
        """See the base class."""
        if Interleaved.takes(shape):
            return Interleaved(shape)
        return Rows(shape, is_shared=True) if Rows.takes(shape) else Gathered(shape, is_shared=True)
