"""Float32 fully connected layers: eight filters at a time, each weight read once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.fpu.gemm import call_gemm
from tinycc_ml.kernels.fpu.gemm_tile import FloatTile
from tinycc_ml.kernels.fpu.packing import pack_stream
from tinycc_ml.loopir import Argument, Buffer, LoopKernel, Role, affine, verify_kernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.floats import FloatNumbers


class FullyConnectedFpu(KernelDef):
    """Any number of rows, of which each is a column of one pixel."""

    name = "fully_connected_f32__fpu_1x8"
    op = "fully_connected"
    requires = frozenset({"fpu"})
    dtype = DType.FLOAT32

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        return _tile(workload).problem()

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        tile = _tile(workload)
        rows = workload.operand("output").elements // tile.channels
        x = Buffer("input", DType.FLOAT32, (rows, tile.run), Role.INPUT)
        y = Buffer("output", DType.FLOAT32, (rows, tile.channels), Role.OUTPUT)
        stream = Buffer("stream", DType.FLOAT32, (tile.stream_elements,), Role.CONSTANT)
        windows = (Argument(name, (affine("row"), affine(0))) for name in ("input", "output"))
        body = b.nest([("row", rows)], call_gemm(tile, *windows))
        loops = LoopKernel(self.op, (x, stream, y), body)
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # 105 cycles for 32 products: 64 for them, 36 for weights, 5 for elements.
        return op(self.op).macs(workload) * 105 // 32 + 5 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        weight, bias = (constant.array for constant in constants)
        return (pack_stream(weight.T, bias),)


def _tile(workload: Workload) -> FloatTile:
    channels, k = workload.operand("weight").shape
    return FloatTile(1, channels, 1, k, 0, 0, cast(FloatNumbers, workload.numbers))
