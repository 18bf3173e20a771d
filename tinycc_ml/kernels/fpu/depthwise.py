"""Float32 depthwise convolutions: one pixel, eight channels at a time."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.fpu.depthwise_tile import DepthwiseTile, depthwise_intrinsic
from tinycc_ml.kernels.fpu.packing import pack_stream
from tinycc_ml.kernels.fpu.rows import Loops, Rows
from tinycc_ml.kernels.fpu.shape import FloatShape
from tinycc_ml.loopir import (
    Argument,
    Buffer,
    CallIntrinsic,
    LoopKernel,
    Role,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload, op


class DepthwiseFpu(KernelDef):
    """One filter per channel; any size, stride, dilation and padding."""

    name = "depthwise_conv2d_f32__fpu_1x8"
    op = "depthwise_conv2d"
    requires = frozenset({"fpu"})
    dtype = DType.FLOAT32

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        s = FloatShape.of(workload)
        if s.out_channels != s.in_channels:
            return f"{s.out_channels // s.in_channels} filters per channel; allowed 1"
        return Rows(s).problem() or _tile(Rows(s)).problem()

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        rows = Rows(FloatShape.of(workload))
        loops = LoopKernel(self.op, *depthwise_loops(rows))
        return Kernel(self.name, (), verify_kernel(loops), rows.access())

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # 35 cycles for 8 products: 16 for them, 18 for weights and elements.
        s = FloatShape.of(workload)
        calls = 70 * s.out_size[0] * s.out_size[1]
        return op(self.op).macs(workload) * 35 // 8 + 6 * outputs(workload) + calls + Rows(s).cycles

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        weight, bias = (constant.array for constant in constants)
        return (pack_stream(weight.reshape(-1, weight.shape[-1]), bias),)


def depthwise_loops(rows: Rows) -> Loops:
    """Parameters and body of the function."""
    s, tile = rows.shape, _tile(rows)
    stream = Buffer("stream", DType.FLOAT32, (tile.stream_elements,), Role.CONSTANT)
    y = Buffer("output", DType.FLOAT32, (*s.out_size, s.out_channels), Role.OUTPUT)
    windows = (
        rows.column(affine("ox")),
        Argument("stream", (affine(0),)),
        Argument("output", (affine("oy"), affine("ox"), affine(0))),
    )
    line = b.nest([("ox", s.out_size[1])], CallIntrinsic(depthwise_intrinsic(tile), windows))
    return (rows.input, stream, y, *rows.scratch), rows.loops(line)


def _tile(rows: Rows) -> DepthwiseTile:
    s = rows.shape
    tap = s.dilation[1] * s.in_channels
    return DepthwiseTile(s.in_channels, s.kernel, rows.stride, tap, s.numbers)
