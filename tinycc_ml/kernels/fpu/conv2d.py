"""Float32 convolutions: two pixels by eight filters at a time."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.fpu.gemm import call_gemm
from tinycc_ml.kernels.fpu.gemm_tile import FloatTile
from tinycc_ml.kernels.fpu.packing import pack_stream
from tinycc_ml.kernels.fpu.rows import Loops, Rows, in_pairs
from tinycc_ml.kernels.fpu.shape import FloatShape
from tinycc_ml.loopir import Affine, Argument, Buffer, LoopKernel, Role, Stmt, affine, verify_kernel
from tinycc_ml.ops import Workload, op


class Conv2DFpu(KernelDef):
    """Kernels without horizontal dilation; any size, stride and padding."""

    name = "conv2d_f32__fpu_2x8"
    op = "conv2d"
    requires = frozenset({"fpu"})
    dtype = DType.FLOAT32

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        s = FloatShape.of(workload)
        if s.dilation[1] > 1 and s.kernel[1] > 1:
            return f"dilation {s.dilation[1]} along a row; allowed 1"
        rows = Rows(s)
        tiles = (_tile(rows, pixels).problem() for pixels in (1, 2))
        return rows.problem() or next(filter(None, tiles), None)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        rows = Rows(FloatShape.of(workload))
        loops = LoopKernel(self.op, *conv_loops(rows))
        return Kernel(self.name, (), verify_kernel(loops), rows.access())

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # 44 cycles for 16 products: 32 for them, 9 for weights, 3 for elements.
        products = op(self.op).macs(workload) * 44 // 16
        return products + 5 * outputs(workload) + Rows(FloatShape.of(workload)).cycles

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        weight, bias = (constant.array for constant in constants)
        return (pack_stream(weight.reshape(len(weight), -1).T, bias),)


def conv_loops(rows: Rows) -> Loops:
    """Parameters and body of the function."""
    s = rows.shape
    stream = Buffer("stream", DType.FLOAT32, (_tile(rows, 1).stream_elements,), Role.CONSTANT)
    y = Buffer("output", DType.FLOAT32, (*s.out_size, s.out_channels), Role.OUTPUT)

    def call(pixels: int, pixel: Affine) -> Stmt:
        output = Argument("output", (affine("oy"), pixel, affine(0)))
        return call_gemm(_tile(rows, pixels), rows.column(pixel), output)

    body = rows.loops(in_pairs(s.out_size[1], call))
    return (rows.input, stream, y, *rows.scratch), body


def _tile(rows: Rows, pixels: int) -> FloatTile:
    """The tile for so many pixels."""
    s, stride = rows.shape, rows.stride
    run = s.kernel[1] * s.in_channels
    runs = s.kernel[0]
    if runs > 1 and stride == run:
        runs, run = 1, runs * run
    return FloatTile(
        pixels,
        s.out_channels,
        runs,
        run,
        stride if runs > 1 else 0,
        s.stride[1] * s.in_channels if pixels > 1 else 0,
        s.numbers,
    )
