"""1x1 convolutions with stride 1: pixel pairs of some rows, widened just before."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.conv_columns import Flat
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.rows.one_row import OneRow
from tinycc_ml.ops import Workload


class PointwiseRowsDsp(OneRow):
    """As :class:`Conv2DDsp`, where the pixels are words."""

    def __init__(self, block: int = 1) -> None:
        super().__init__(Conv2DDsp(), block)

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not Flat.takes(ConvShape.of(workload)):
            return "allowed are 1x1 convolutions with stride 1 and an even number of channels"
        return super().accepts(workload, constants)
