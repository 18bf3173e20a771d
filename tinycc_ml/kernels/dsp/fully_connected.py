"""Fully connected layers: one row of the input times eight filters at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.copying import fill, place, widen
from tinycc_ml.kernels.dsp.gemm_shared import extra_cycles
from tinycc_ml.kernels.dsp.layer import call_tile, pack_layer, refusal, stream_buffer, tile_of
from tinycc_ml.kernels.dsp.tile import GemmTile
from tinycc_ml.loopir import Argument, Buffer, LoopKernel, Role, affine, verify_kernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.convolution import ConvNumbers

_FILTERS = 8


class FullyConnectedDsp(KernelDef):
    """The row is widened once; each weight is read once, four bytes at a time."""

    name = "fully_connected_s8__dsp_1x8"
    op = "fully_connected"
    requires = frozenset({"dsp"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        return refusal(_numbers(workload), self.tile(workload), constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        tile = self.tile(workload)
        channels, k = workload.operand("weight").shape
        rows = workload.operand("output").elements // channels
        x = Buffer("input", DType.INT8, (rows, k), Role.INPUT)
        y = Buffer("output", DType.INT8, (rows, channels), Role.OUTPUT)
        column = Buffer("column", DType.INT16, (k + k % 2,), Role.SCRATCH)
        body = b.nest(
            [("row", rows)],
            *widen(
                place(x, "row", 0),
                place(column, 0),
                k,
                "i",
                planar=k % 4 == 0,
                is_shared=tile.is_shared,
            ),
            # Its weight is 0, so that any value would do; but it must have one.
            *fill(place(column, k), k % 2, 0, "rest"),
            call_tile(
                tile,
                Argument(column.name, (affine(0),)),
                Argument(y.name, (affine("row"), affine(0))),
            ),
        )
        loops = LoopKernel(self.op, (x, stream_buffer(tile), y, column), body)
        # A row is widened before its outputs are written.
        access = replace(op(self.op).access(workload), reads_first=True)
        return Kernel(self.name, (), verify_kernel(loops), access)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # 9.5 cycles for 8 products, requantization and widening.
        return op(self.op).macs(workload) * 13 // 10 + 10 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        k = workload.operand("weight").shape[1]
        planar = k % 4 == 0
        return (pack_layer(_numbers(workload), self.tile(workload), constants, k, planar=planar),)

    def tile(self, workload: Workload) -> GemmTile:
        """The tile of a layer."""
        return _tile(workload, is_shared=False)


class FullyConnectedDspShared(FullyConnectedDsp):
    """The same with texts that layers of any size share."""

    name = "fully_connected_s8__dsp_1x8_shared"

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        tile = self.tile(workload)
        return super().cycles(workload) + outputs(workload) // tile.channels * extra_cycles(tile)

    def tile(self, workload: Workload) -> GemmTile:
        """See the base class."""
        return _tile(workload, is_shared=True)


def _numbers(workload: Workload) -> ConvNumbers:
    return cast(ConvNumbers, workload.numbers)


def _tile(workload: Workload, *, is_shared: bool) -> GemmTile:
    numbers = _numbers(workload)
    channels, k = workload.operand("weight").shape
    one = workload.operand("multiplier").elements == 1
    run = (1, k, 0)
    return tile_of(numbers, 1, _FILTERS, channels, run, 0, shares_scale=one, is_shared=is_shared)
