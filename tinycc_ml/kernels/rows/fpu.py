"""Row kernels in float32 for cores with a floating-point unit: 1x1 convolutions with stride 1.

Those with larger kernels read several rows at a time, which lie apart in a ring; they would have to
be copied first, and the copies of many channels are more than a ring saves.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.fpu.conv2d import Conv2DFpu
from tinycc_ml.kernels.fpu.shape import KernelShape
from tinycc_ml.kernels.rows.base import RowKernel
from tinycc_ml.kernels.rows.one_row import OneRow
from tinycc_ml.ops import Workload


class PointwiseRowsFpu(OneRow):
    """As :class:`Conv2DFpu`, on the pixels of some rows."""

    def __init__(self, block: int = 1) -> None:
        super().__init__(Conv2DFpu(), block)

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        s = KernelShape.of(workload)
        if (s.kernel, s.stride) != ((1, 1), (1, 1)) or s.in_size != s.out_size:
            return "allowed are 1x1 convolutions with stride 1"
        return super().accepts(workload, constants)


#: All of them, by the rows of a block.
FPU_ROWS: tuple[RowKernel, ...] = tuple(PointwiseRowsFpu(block) for block in (1, 2, 3, 4, 5))
