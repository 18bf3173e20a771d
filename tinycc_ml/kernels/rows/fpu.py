"""Row kernels in float32 for cores with a floating-point unit.

1x1 convolutions with stride 1 take a row as it is. Larger kernels read several rows at a time,
which lie apart in a ring: they are copied, in strips of columns so that the copies are small. Where
they are not, because of many channels, plain loops do without.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.fpu.conv2d import Conv2DFpu, conv_loops
from tinycc_ml.kernels.fpu.depthwise import DepthwiseFpu, depthwise_loops
from tinycc_ml.kernels.fpu.rows import Loops, Rows
from tinycc_ml.kernels.fpu.shape import FloatShape
from tinycc_ml.kernels.rows.base import RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import OneRow, is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.kernels.rows.strips import Strip, row_of_strips, strips_of
from tinycc_ml.loopir import Role
from tinycc_ml.ops import Workload

#: Strips are as wide as the first one allows; above the second one plain loops are better.
_STRIP_BYTES, _LARGEST_BYTES = 2048, 2560


class PointwiseRowsFpu(OneRow):
    """As :class:`Conv2DFpu`, on the pixels of some rows."""

    def __init__(self, block: int = 1) -> None:
        super().__init__(Conv2DFpu(), block)

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not FloatShape.of(workload).is_pointwise:
            return "allowed are 1x1 convolutions with stride 1"
        return super().accepts(workload, constants)


class WindowRowsFpu(RowKernel):
    """Convolutions and depthwise convolutions with the tiles of whole layers."""

    def __init__(self, definition: KernelDef) -> None:
        self.definition = definition
        self.op = definition.op  # type: ignore[misc]
        self.name = definition.name.replace("_f32_", "_f32_rows_")  # type: ignore[misc]
        self.requires = definition.requires  # type: ignore[misc]
        self.dtype = definition.dtype  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        problem = self.definition.accepts(workload, constants)
        if problem:
            return problem
        if not is_image(workload.operand("input")) or workload.operand("output").shape[1] == 1:
            return "the layer has no rows"
        strips = self._strips(FloatShape.of(workload))
        if not strips:
            return "a strip of a row reads only padding"
        size = sum(
            4 * b.elements for b in self._loops(strips[0].shape)[0] if b.role is Role.SCRATCH
        )
        return f"copies of {size} bytes" if size > _LARGEST_BYTES else None

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        s = FloatShape.of(workload)
        strips = self._strips(s)
        buffers, row = row_of_strips(s, strips, self._make)
        reads = (("input", window_reads(workload)),)
        is_copied = any(buffer.role is Role.SCRATCH for buffer in buffers)
        first = len(strips) == 1 and is_copied
        return RowLoops(buffers, s.out_size[0], reads, row, reads_first=first)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        return self.definition.cycles(workload) * 105 // 100

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return self.definition.pack(workload, constants)

    def _strips(self, shape: FloatShape) -> tuple[Strip[FloatShape], ...]:
        return strips_of(shape, self._make, _STRIP_BYTES)

    def _make(self, shape: FloatShape) -> Loops | None:
        return None if Rows(shape, apart=True).problem() else self._loops(shape)

    def _loops(self, shape: FloatShape) -> Loops:
        rows = Rows(shape, apart=True)
        return conv_loops(rows) if self.op == "conv2d" else depthwise_loops(rows)


#: All of them, by the rows of a block.
FPU_ROWS: tuple[RowKernel, ...] = (
    *(PointwiseRowsFpu(block) for block in (1, 2, 3, 4, 5)),
    WindowRowsFpu(Conv2DFpu()),
    WindowRowsFpu(DepthwiseFpu()),
)
