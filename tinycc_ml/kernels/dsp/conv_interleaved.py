"""Columns of 1x1 convolutions with the words of two pixels taking turns.

The distance between the pixels of a pair is part of a tile's text. Interleaved, it is one word
whatever the number of channels, so that one text serves all such layers.
"""

from __future__ import annotations

from dataclasses import replace

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.conv_columns import Columns, Loops
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.copying import place, widen
from tinycc_ml.kernels.dsp.layer import stream_buffer
from tinycc_ml.kernels.dsp.tile import GemmTile
from tinycc_ml.kernels.dsp.widen_pair import CHANNELS, widen_pair_intrinsic
from tinycc_ml.kernels.sums import corrects_sign
from tinycc_ml.loopir import Argument, Buffer, CallIntrinsic, Role, Stmt, affine
from tinycc_ml.loopir import build as b


class Interleaved(Columns):
    """1x1 with stride 1: pixels in pairs through the whole image, widened just before."""

    def __init__(self, shape: ConvShape) -> None:
        super().__init__(shape, is_shared=True)

    @staticmethod
    def takes(shape: ConvShape) -> bool:
        """Whether words of four channels can be widened."""
        return shape.is_pointwise and shape.in_channels % CHANNELS == 0

    @property
    def run(self) -> int:
        """See the base class."""
        return self.shape.in_channels

    @property
    def planar(self) -> bool:
        """See the base class."""
        return True

    @property
    def copy_cycles(self) -> int:
        """See the base class."""
        return self.shape.in_size[0] * self.shape.in_size[1] * self.run

    def tile(self, pixels: int) -> GemmTile:
        """See the base class."""
        tile = self.tile_with(pixels, (1, self.run, 0), 2)
        if pixels == 1:
            return tile
        # Columns are short, so that an instruction per output counts.
        return replace(tile, word_stride=4, corrects_sign=corrects_sign(self.shape.numbers))

    def kernel(self) -> Loops:
        """See the base class."""
        s, run = self.shape, self.run
        pixels = s.out_size[0] * s.out_size[1]
        pairs, odd = divmod(pixels, 2)
        x = Buffer("input", DType.INT8, (pixels * run,), Role.INPUT)
        y = Buffer("output", DType.INT8, (pixels, s.out_channels), Role.OUTPUT)
        columns = Buffer("columns", DType.INT16, ((2 if pairs else 1) * run,), Role.SCRATCH)
        body: tuple[Stmt, ...] = ()
        if pairs:
            source = Argument("input", (affine("pair") * (2 * run),))
            gather = CallIntrinsic(
                widen_pair_intrinsic(run), (source, Argument("columns", (affine(0),)))
            )
            call = self.call(2, columns, (0,), (affine("pair") * 2, 0))
            body += b.nest([("pair", pairs)], gather, call)
        if odd:
            last = pixels - 1
            source_place, target = place(x, last * run), place(columns, 0)
            body += (
                *widen(source_place, target, run, "i", planar=True, is_shared=True),
                self.call(1, columns, (0,), (last, 0)),
            )
        return (x, stream_buffer(self.tile(2)), y, columns), body
