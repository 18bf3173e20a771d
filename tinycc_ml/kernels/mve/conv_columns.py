"""Where the columns of a convolution come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.mve.copying import PIECES_LIMIT, Gather, gather_intrinsic
from tinycc_ml.kernels.mve.gemm_tile import LANES, GemmTile
from tinycc_ml.kernels.mve.layer import call_tile, stream_buffer, tile_of
from tinycc_ml.kernels.mve.rows import RowBuffer
from tinycc_ml.loopir import Affine, Argument, Buffer, CallIntrinsic, For, Role, Stmt, affine
from tinycc_ml.ops import Access, Window

_FILTERS = 4
Loops = tuple[tuple[Buffer, ...], tuple[Stmt, ...]]


def in_one_row(shape: ConvShape) -> ConvShape:
    """The same layer with as many pixels in a row as possible."""
    if shape.is_pointwise:
        pixels = shape.in_size[0] * shape.in_size[1]
        return replace(shape, in_size=(1, pixels), out_size=(1, pixels))
    if shape.in_size[1] == shape.out_size[1] == shape.kernel[1] == 1 and shape.padding[1] == 0:
        return replace(
            shape,
            in_size=shape.in_size[::-1],
            out_size=shape.out_size[::-1],
            kernel=shape.kernel[::-1],
            stride=shape.stride[::-1],
            dilation=shape.dilation[::-1],
            padding=shape.padding[::-1],
        )
    return shape


class Columns(ABC):
    """A way to make columns, for one shape."""

    def __init__(self, shape: ConvShape) -> None:
        self.shape = shape
        self.input = Buffer(
            "input",
            DType.INT8,
            (shape.in_size[0], shape.in_size[1] * shape.in_channels),
            Role.INPUT,
        )
        self.output = Buffer(
            "output", DType.INT8, (*shape.out_size, shape.out_channels), Role.OUTPUT
        )

    @property
    @abstractmethod
    def runs(self) -> tuple[int, int, int]:
        """Number of runs of a column, elements of each, distance between them."""

    @property
    @abstractmethod
    def pixel_stride(self) -> int:
        """Elements between two columns."""

    @property
    def steps(self) -> int:
        """Vectors of a column."""
        count, run, _ = self.runs
        return count * -(-run // LANES)

    @property
    def pieces(self) -> int:
        """Vectors that are copied for a column."""
        return 0

    @property
    def access(self) -> Access | None:
        """The access order where it is not the operator's."""
        return None

    @abstractmethod
    def kernel(self) -> Loops:
        """Parameters and body of the function."""

    def tile(self, pixels: int, turns: int) -> GemmTile:
        """The tile that computes `turns` times so many pixels."""
        s = self.shape
        block = (pixels, _FILTERS)
        return tile_of(s.numbers, block, turns, s.out_channels, self.runs, self.pixel_stride)

    def packed_tile(self) -> GemmTile:
        """A tile that has the layer's stream; it is the same for all."""
        return self.tile(1, 1)

    def row(self, columns: Buffer, row: Affine, oy: Affine) -> tuple[Stmt, ...]:
        """The calls for a row of pixels.

        Args:
            columns: Where the columns are; two-dimensional.
            row: The first index of the row's first column; the second is 0.
            oy: The row of the output.
        """
        width = self.shape.out_size[1]
        pairs, odd = divmod(width, 2)
        calls: tuple[Stmt, ...] = ()
        for pixels, turns, first in ((2, pairs, 0), (1, odd, width - 1)):
            if turns:
                at = (row, affine(first * self.pixel_stride))
                target = Argument("output", (oy, affine(first), affine(0)))
                calls += (call_tile(self.tile(pixels, turns), Argument(columns.name, at), target),)
        return calls


class Direct(Columns):
    """Columns are windows of the input, where no tap ever lies outside of it."""

    @staticmethod
    def takes(shape: ConvShape) -> bool:
        """Whether nothing is padded and the elements of a kernel row are neighbours."""
        return shape.is_inside and (shape.dilation[1] == 1 or shape.kernel[1] == 1)

    @property
    def runs(self) -> tuple[int, int, int]:
        """See the base class."""
        s = self.shape
        run = s.kernel[1] * s.in_channels
        return s.kernel[0], run, s.dilation[0] * s.in_size[1] * s.in_channels

    @property
    def pixel_stride(self) -> int:
        """See the base class."""
        return self.shape.stride[1] * self.shape.in_channels

    @property
    def access(self) -> Access:
        """Outputs of a pixel are written while the one before is still read."""
        s = self.shape
        window = Window(
            (*s.in_size, s.in_channels),
            s.out_size[1],
            (s.kernel[0], s.kernel[1] + s.stride[1]),
            s.stride,
            (s.dilation[0], 1),
            (0, s.stride[1]),
        )
        return Access(s.out_channels, (("input", window),))

    def kernel(self) -> Loops:
        """See the base class."""
        s = self.shape
        calls = self.row(self.input, affine("oy") * s.stride[0], affine("oy"))
        body = (For("oy", s.out_size[0], calls),)
        return (self.input, stream_buffer(self.packed_tile()), self.output), body


class Rows(Columns):
    """Columns are windows of a buffer of padded rows."""

    def __init__(self, shape: ConvShape) -> None:
        super().__init__(shape)
        self.rows = RowBuffer(shape)

    @staticmethod
    def takes(shape: ConvShape) -> bool:
        """Whether the elements of a kernel row are neighbours."""
        is_dense = shape.dilation[1] == 1 or shape.kernel[1] == 1
        return is_dense and shape.input_columns > 0

    @property
    def runs(self) -> tuple[int, int, int]:
        """See the base class."""
        s = self.shape
        return s.kernel[0], s.kernel[1] * s.in_channels, self.rows.length

    @property
    def pixel_stride(self) -> int:
        """See the base class."""
        return self.shape.stride[1] * self.shape.in_channels

    def kernel(self) -> Loops:
        """See the base class."""
        rows = self.rows.buffer
        line = (*self.rows.load(self.input), *self.row(rows, affine(0), affine("oy")))
        body = (*self.rows.pad(), For("oy", self.shape.out_size[0], line))
        return (self.input, stream_buffer(self.packed_tile()), self.output, rows), body


class Gathered(Columns):
    """The columns of a row of pixels are gathered from a buffer of padded rows."""

    def __init__(self, shape: ConvShape) -> None:
        super().__init__(shape)
        self.rows = RowBuffer(shape, room=LANES)

    @staticmethod
    def takes(shape: ConvShape) -> bool:
        """Whether the pieces are not too many."""
        return shape.input_columns > 0 and Gathered(shape).pieces <= PIECES_LIMIT

    @property
    def gather(self) -> Gather:
        """How a row's columns come about."""
        s = self.shape
        is_dense = s.dilation[1] == 1 or s.kernel[1] == 1
        taps = 1 if is_dense else s.kernel[1]
        piece = s.in_channels * (s.kernel[1] if is_dense else 1)
        step = s.stride[1] * s.in_channels
        tap_stride = 0 if taps == 1 else s.dilation[1] * s.in_channels
        k = s.kernel[0] * s.kernel[1] * s.in_channels
        column = k + -k % 4
        rows = (s.kernel[0], self.rows.length)
        return Gather(s.out_size[1], step, *rows, taps, tap_stride, piece, column)

    @property
    def pieces(self) -> int:
        """See the base class."""
        return len(self.gather.vectors)

    @property
    def runs(self) -> tuple[int, int, int]:
        """See the base class."""
        return 1, self.shape.kernel[0] * self.shape.kernel[1] * self.shape.in_channels, 0

    @property
    def pixel_stride(self) -> int:
        """See the base class."""
        return self.gather.column

    def kernel(self) -> Loops:
        """See the base class."""
        gather, rows = self.gather, self.rows.buffer
        columns = Buffer("columns", DType.INT8, (1, gather.column_elements), Role.SCRATCH)
        start = (affine(0), affine(0))
        gathering = CallIntrinsic(
            gather_intrinsic(gather), (Argument(rows.name, start), Argument(columns.name, start))
        )
        row = self.row(columns, affine(0), affine("oy"))
        line = (*self.rows.load(self.input), gathering, *row)
        body = (*self.rows.pad(), For("oy", self.shape.out_size[0], line))
        return (self.input, stream_buffer(self.packed_tile()), self.output, rows, columns), body
