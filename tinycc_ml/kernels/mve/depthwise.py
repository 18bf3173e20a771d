"""Depthwise convolution, 16 channels at a time.

Pixels of few channels are taken together where they are neighbours in input and output alike
(stride 1): two pixels of 8 channels are a pixel of 16.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.mve.conv_columns import in_one_row
from tinycc_ml.kernels.mve.depthwise_assembly import TAPS_LIMIT
from tinycc_ml.kernels.mve.depthwise_meaning import depthwise_intrinsic
from tinycc_ml.kernels.mve.depthwise_packing import pack_depthwise, packing_problem
from tinycc_ml.kernels.mve.depthwise_tile import DepthwiseTile
from tinycc_ml.kernels.mve.gemm_tile import LANES
from tinycc_ml.kernels.mve.requantize import Channels, fold_channels
from tinycc_ml.kernels.mve.rows import RowBuffer
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.loopir import (
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    LoopKernel,
    Role,
    Stmt,
    affine,
    verify_kernel,
)
from tinycc_ml.ops import Access, Window, Workload, op

#: Taking pixels together must save so much of the vectors, as it repeats the constants.
_WORTH = 0.92


class DepthwiseMve(KernelDef):
    """One filter per channel, up to 64 taps; any stride, dilation and padding."""

    name = "depthwise_conv2d_s8__mve_16"
    op = "depthwise_conv2d"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        channels = workload.operand("input").shape[3]
        filters = workload.operand("output").shape[3]
        if filters != channels:
            return f"{filters // channels} filters per channel; allowed 1"
        layer = DepthwiseLayer.of(workload)
        taps = layer.shape.kernel[0] * layer.shape.kernel[1]
        if taps > TAPS_LIMIT:
            return f"{taps} taps; allowed up to {TAPS_LIMIT}"
        if layer.shape.input_columns < 1:
            return "some rows see nothing but padding"
        folded = layer.fold(constants)
        return folded if isinstance(folded, str) else packing_problem(folded)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        layer = DepthwiseLayer.of(workload)
        access = layer.access or op(self.op).access(workload)
        return Kernel(self.name, (), verify_kernel(layer.kernel(self.op)), access)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        layer = DepthwiseLayer.of(workload)
        height, width = layer.shape.out_size
        taps = layer.shape.kernel[0] * layer.shape.kernel[1]
        vectors = -(-layer.shape.in_channels * layer.together // LANES)
        # Most instructions are on vectors, and take two cycles.
        return height * -(-width // layer.together) * vectors * (18 * taps + 60)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        layer = DepthwiseLayer.of(workload)
        folded = layer.fold(constants)
        assert not isinstance(folded, str)  # the layer is not refused
        return (Constant(pack_depthwise(folded, layer.together)),)


class DepthwiseLayer:
    """A layer with its rows; `together` pixels are computed as one.

    Args:
        shape: Of the layer.
        one_line: Whether only lines of one row may be read in place, as the rows of the input do
            not follow each other.
    """

    def __init__(self, shape: ConvShape, *, one_line: bool = False) -> None:
        self.shape = s = shape
        self.together = _together(shape)
        self.is_direct = s.is_inside and (s.kernel[0] == 1 or not one_line)
        self.rows = RowBuffer(s)
        row = (s.in_size[0], s.in_size[1] * s.in_channels)
        self.input = Buffer("input", DType.INT8, row, Role.INPUT)
        out = (s.out_size[0], s.out_size[1] * s.in_channels)
        self.output = Buffer("output", DType.INT8, out, Role.OUTPUT)

    @staticmethod
    def of(workload: Workload) -> DepthwiseLayer:
        """The layer with as many pixels in a row as possible."""
        return DepthwiseLayer(in_one_row(ConvShape.of(workload)))

    @property
    def access(self) -> Access | None:
        """Of pixels that are computed as one, outputs are written while all are still read."""
        if not self.is_direct or self.together == 1:
            return None
        s, before = self.shape, self.together - 1
        window = Window(
            (*s.in_size, s.in_channels),
            s.out_size[1],
            (s.kernel[0], (s.kernel[1] - 1) * s.dilation[1] + 1 + before),
            s.stride,
            (s.dilation[0], 1),
            (0, before),
        )
        return Access(s.in_channels, (("input", window),))

    def fold(self, constants: Sequence[Constant]) -> Channels | str:
        """The channels with their taps in the order of the rows."""
        weight, *others = (constant.array for constant in constants)
        taps = weight.reshape(-1, weight.shape[3])
        return fold_channels(self.shape.numbers, np.ascontiguousarray(taps.T), *others)

    def tile(self, pixels: int, together: int) -> DepthwiseTile:
        """The tile for a part of a row."""
        s, n = self.shape, self.shape.numbers
        c = s.in_channels
        row = s.dilation[0] * self.input.shape[1] if self.is_direct else self.rows.length
        return DepthwiseTile(
            pixels,
            together * c,
            together * s.stride[1] * c if pixels > 1 else 0,
            s.kernel[0],
            row if s.kernel[0] > 1 else 0,
            s.kernel[1],
            s.dilation[1] * c if s.kernel[1] > 1 else 0,
            not self.is_direct and c % 4 == 0,
            n.output_zero_point,
            n.output_min,
            n.output_max,
            corrects_sign(n),
        )

    def kernel(self, name: str) -> LoopKernel:
        """The function of the layer."""
        words = self.tile(1, self.together).stream_words
        stream = Buffer("stream", DType.INT32, (words,), Role.CONSTANT)
        height = self.shape.out_size[0]
        if self.is_direct:
            calls = self.calls(self.input, affine("oy") * self.shape.stride[0])
            body: tuple[Stmt, ...] = (For("oy", height, calls),)
            return LoopKernel(name, (self.input, stream, self.output), body)
        rows = self.rows.buffer
        line = (*self.rows.load(self.input), *self.calls(rows, affine(0)))
        body = (*self.rows.pad(), For("oy", height, line))
        return LoopKernel(name, (self.input, stream, self.output, rows), body)

    def calls(self, source: Buffer, row: Affine) -> tuple[Stmt, ...]:
        """The calls for a row of the output; a rest of pixels reads a part of the constants."""
        width, channels = self.shape.out_size[1], self.shape.in_channels
        blocks, rest = divmod(width, self.together)
        calls: tuple[Stmt, ...] = ()
        for pixels, together, first in ((blocks, self.together, 0), (1, rest, width - rest)):
            if pixels * together:
                at = affine(first * self.shape.stride[1] * channels)
                arguments = (
                    Argument(source.name, (row, at)),
                    Argument("stream", (affine(0),)),
                    Argument("output", (affine("oy"), affine(first * channels))),
                )
                intrinsic = depthwise_intrinsic(self.tile(pixels, together))
                calls += (CallIntrinsic(intrinsic, arguments),)
        return calls


def _together(shape: ConvShape) -> int:
    """How many pixels are computed as one: the least that wastes few lanes."""
    channels, width = shape.in_channels, shape.out_size[1]
    if shape.stride[1] != 1:
        return 1
    counts = [n for n in (1, 2, 4, 8, 16) if n <= max(1, width)]
    vectors = [-(-channels * n // LANES) / n for n in counts]
    return next(n for n, v in zip(counts, vectors, strict=True) if v * _WORTH <= min(vectors))
