"""Columns that are windows of a buffer of input rows, so that nothing is gathered.

For each row of the output, the input rows under the kernel are widened into a buffer with room for
the padding left and right. A column is then a run of each row, and the next pixel's column starts a
stride further: the tile gets pointers into the buffer. Words must be aligned; where the distance
between two pixels is an odd number of elements, every row is kept twice, the copy one element
later, and the second pixel's column is in the copy.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.conv_columns import Columns, Loops
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.copying import fill, place, widen
from tinycc_ml.kernels.dsp.gemm_assembly import PIXEL_STRIDE_LIMIT
from tinycc_ml.kernels.dsp.layer import stream_buffer
from tinycc_ml.kernels.dsp.tile import GemmTile
from tinycc_ml.kernels.input_rows import load_rows
from tinycc_ml.loopir import Affine, Buffer, For, Role, Stmt, affine
from tinycc_ml.ops import Access

#: Of an element that is widened on its own.
_SINGLE_COPY_CYCLES = 4


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the buffer; in elements but for `columns`.

    Attributes:
        columns: Input columns that are needed and exist.
        left: Padding before them.
        filled: What is in the row before the padding right of them.
        length: The whole row.
        copies: 2 where the row is kept twice.
        between: Distance between the columns of two pixels.
    """

    columns: int
    left: int
    filled: int
    length: int
    copies: int
    between: int


def _row(s: ConvShape) -> _Row:
    columns = s.input_columns
    step = s.stride[1] * s.in_channels
    copies = 1 + step % 2
    run = s.kernel[1] * s.in_channels
    # Half a word behind an odd run, and the element by which the copy is later.
    length = s.padded_columns * s.in_channels + run % 2 + (copies - 1)
    length += length % 2
    left = s.padding[1] * s.in_channels
    between = length + step + 1 if copies == 2 else step
    return _Row(columns, left, left + columns * s.in_channels, length, copies, between)


class Rows(Columns):
    """Kernels without horizontal dilation."""

    def __init__(self, shape: ConvShape, *, is_shared: bool = False) -> None:
        super().__init__(shape, is_shared=is_shared)
        self.row = _row(shape)

    @staticmethod
    def takes(shape: ConvShape) -> bool:
        """Whether columns are windows of rows."""
        is_dense = shape.dilation[1] == 1 or shape.kernel[1] == 1
        row = _row(shape)
        return is_dense and row.columns > 0 and row.between <= PIXEL_STRIDE_LIMIT

    @property
    def run(self) -> int:
        """See the base class."""
        return self.shape.kernel[1] * self.shape.in_channels

    @property
    def planar(self) -> bool:
        """See the base class."""
        return self.shape.in_channels % 4 == 0

    def access(self) -> Access:
        """Row by row, each after all input rows under it have been widened."""
        return self.shape.access_by_rows(reads_first=True)

    @property
    def copy_cycles(self) -> int:
        """See the base class."""
        s, row = self.shape, self.row
        elements = s.out_size[0] * s.kernel[0] * row.columns * s.in_channels
        return elements * (1 if self.planar else _SINGLE_COPY_CYCLES * row.copies)

    def tile(self, pixels: int) -> GemmTile:
        """See the base class."""
        s, row = self.shape, self.row
        runs = (s.kernel[0], self.run, row.copies * row.length)
        return self.tile_with(pixels, runs, row.between)

    def kernel(self) -> Loops:
        """See the base class."""
        s, row = self.shape, self.row
        x = Buffer("input", DType.INT8, (s.in_size[0], s.in_size[1] * s.in_channels), Role.INPUT)
        y = Buffer("output", DType.INT8, (*s.out_size, s.out_channels), Role.OUTPUT)
        shape = (s.kernel[0], row.copies, row.length)
        rows = Buffer("rows", DType.INT16, shape, Role.SCRATCH)
        pairs, odd = divmod(s.out_size[1], 2)
        step = s.stride[1] * s.in_channels
        line: tuple[Stmt, ...] = self.load_rows(x, rows)
        if pairs:
            start = (0, 0, affine("pair") * (2 * step))
            call = self.call(2, rows, start, ("oy", affine("pair") * 2, 0))
            line += (For("pair", pairs, (call,)),)
        if odd:
            last = s.out_size[1] - 1
            line += (self.call(1, rows, (0, 0, last * step), ("oy", last, 0)),)
        body = (*self.pad(rows), For("oy", s.out_size[0], line))
        return (x, stream_buffer(self.tile(2)), y, rows), body

    def pad(self, rows: Buffer) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        row, zero = self.row, self.shape.numbers.input_zero_point
        body: tuple[Stmt, ...] = ()
        for copy in range(row.copies):
            start, end = place(rows, "pad_ky", copy, 0), row.filled + copy
            body += fill(start, row.left + copy, zero, f"left_{copy}")
            body += fill(place(rows, "pad_ky", copy, end), row.length - end, zero, f"right_{copy}")
        return (For("pad_ky", self.shape.kernel[0], body),) if body else ()

    def load_rows(self, x: Buffer, rows: Buffer) -> tuple[Stmt, ...]:
        """The input rows under the kernel; rows above and below the input are zero points."""
        copies = range(self.row.copies)

        def load(iy: Affine) -> tuple[Stmt, ...]:
            return tuple(stmt for copy in copies for stmt in self.load(x, rows, iy, copy))

        return load_rows(self.shape, load, lambda name: self.blank(rows, name))

    def load(self, x: Buffer, rows: Buffer, iy: Affine, copy: int) -> tuple[Stmt, ...]:
        """Widens an input row into row `ky` of the buffer."""
        row = self.row
        start = row.left + copy
        return widen(
            place(x, iy, 0),
            place(rows, "ky", copy, start),
            row.columns * self.shape.in_channels,
            f"i_{copy}",
            planar=self.planar,
            aligned=start % 2 == 0,
            is_shared=self.is_shared,
        )

    def blank(self, rows: Buffer, name: str) -> tuple[Stmt, ...]:
        """Fills row `ky` of the buffer with zero points."""
        row, zero = self.row, self.shape.numbers.input_zero_point
        return tuple(
            stmt
            for copy in range(row.copies)
            for stmt in fill(
                place(rows, "ky", copy, row.left + copy),
                row.filled - row.left,
                zero,
                f"{name}_{copy}",
            )
        )
