"""Winograd's algorithm on rows of tiles: as many rows of the output in a turn as a tile has."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.graph import Constant
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.winograd import Winograd
from tinycc_ml.kernels.dsp.winograd_algorithm import Algorithm
from tinycc_ml.kernels.dsp.winograd_layout import Layout
from tinycc_ml.kernels.dsp.winograd_loops import winograd_line
from tinycc_ml.kernels.rows.base import ROW, RowKernel, RowLoops
from tinycc_ml.kernels.rows.one_row import CYCLES_PER_ROW, block_problem, is_image
from tinycc_ml.kernels.rows.portable import window_reads
from tinycc_ml.ops import Workload


class WinogradRows(RowKernel):
    """3x3 with stride 1: rows in blocks of a tile's height, any width of a tile or more."""

    op = "conv2d"
    requires = frozenset({"dsp"})

    def __init__(self, algorithm: Algorithm) -> None:
        self.algorithm = algorithm
        self.definition = Winograd(algorithm)
        self.block = algorithm.outputs
        self.whole = self.definition.name
        self.name = self.whole.replace("__", "_rows__")  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        if not is_image(workload.operand("input")):
            return "the layer has no rows"
        problem = block_problem(workload, self.block)
        return problem or self.definition.accepts(workload, constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """See the base class."""
        buffers, body = winograd_line(Layout(self.algorithm, ConvShape.of(workload)), ROW)
        return RowLoops(
            buffers,
            workload.operand("output").shape[1] // self.block,
            (("input", window_reads(workload).of_block(self.block)),),
            body,
            # The rows under a row of tiles are copied before the first output is stored.
            reads_first=True,
            block=self.block,
        )

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        turns = workload.operand("output").shape[1] // self.block
        return self.definition.cycles(workload) + CYCLES_PER_ROW * turns

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return self.definition.pack(workload, constants)
