"""Fully connected layers: one row of the input times eight filters at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.mve.gemm_tile import GemmTile
from tinycc_ml.kernels.mve.layer import call_tile, pack_layer, refusal, stream_buffer, tile_of
from tinycc_ml.loopir import Argument, Buffer, LoopKernel, Role, affine, verify_kernel
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.convolution import ConvNumbers

_FILTERS = 8


class FullyConnectedMve(KernelDef):
    """Any number of rows, inputs and outputs; the rows are read where they lie."""

    name = "fully_connected_s8__mve_1x8"
    op = "fully_connected"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        return refusal(_numbers(workload), constants)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        tile = _tile(workload)
        k = workload.operand("weight").shape[1]
        x = Buffer("input", DType.INT8, (tile.turns, k), Role.INPUT)
        y = Buffer("output", DType.INT8, (tile.turns, tile.channels), Role.OUTPUT)
        start = (affine(0), affine(0))
        call = call_tile(tile, Argument(x.name, start), Argument(y.name, start))
        loops = LoopKernel(self.op, (x, stream_buffer(tile), y), (call,))
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # The core starts 8 products in a cycle.
        return op(self.op).macs(workload) // 7 + 5 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return (pack_layer(_numbers(workload), _tile(workload), constants),)


def _numbers(workload: Workload) -> ConvNumbers:
    return cast(ConvNumbers, workload.numbers)


def _tile(workload: Workload) -> GemmTile:
    channels, k = workload.operand("weight").shape
    rows = workload.operand("output").elements // channels
    return tile_of(_numbers(workload), (1, _FILTERS), rows, channels, (1, k, 0), k)
