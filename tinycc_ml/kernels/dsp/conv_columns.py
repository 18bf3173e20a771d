"""Where the columns of a convolution come from: the two simple ways.

A column holds, for one output pixel, the input elements under the kernel as int16. Elements outside
the input hold the input's zero point, which the folded bias takes off again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.copying import fill, place, widen
from tinycc_ml.kernels.dsp.layer import call_tile, stream_buffer, tile_of
from tinycc_ml.kernels.dsp.tile import GemmTile
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    For,
    If,
    Role,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Access, Window

_FILTERS = 4
#: Of an element that is gathered on its own.
_GATHER_CYCLES = 8
Loops = tuple[tuple[Buffer, ...], tuple[Stmt, ...]]


class Columns(ABC):
    """A way to make columns, for one shape."""

    def __init__(self, shape: ConvShape, *, is_shared: bool = False) -> None:
        """For a shape.

        Args:
            shape: The convolution.
            is_shared: Whether it takes the texts that tiles of many sizes share.
        """
        self.shape = shape
        self.is_shared = is_shared

    @property
    @abstractmethod
    def run(self) -> int:
        """Elements of a run of the column."""

    @property
    @abstractmethod
    def planar(self) -> bool:
        """Whether each four elements are stored in the order 0, 2, 1, 3."""

    @property
    @abstractmethod
    def copy_cycles(self) -> int:
        """Estimated cycles that making all columns takes."""

    @abstractmethod
    def tile(self, pixels: int) -> GemmTile:
        """The tile for one or two pixels."""

    @abstractmethod
    def kernel(self) -> Loops:
        """Parameters and body of the function."""

    def access(self) -> Access:
        """Pixel by pixel; of a pair, both columns are complete before any output is written."""
        s = self.shape
        window = Window(
            (*s.in_size, s.in_channels), s.out_size[1], s.kernel, s.stride, s.dilation, s.padding
        )
        return Access(s.out_channels, (("input", window),), reads_first=True)

    def tile_with(self, pixels: int, runs: tuple[int, int, int], pixel_stride: int) -> GemmTile:
        """The tile for columns of such runs, so far apart."""
        s = self.shape
        return tile_of(
            s.numbers,
            pixels,
            _FILTERS,
            s.out_channels,
            runs,
            pixel_stride,
            shares_scale=s.shares_scale,
            is_shared=self.is_shared,
        )

    def call(
        self,
        pixels: int,
        columns: Buffer,
        start: tuple[AffineLike, ...],
        output: tuple[AffineLike, ...],
    ) -> Stmt:
        """The call of the tile on columns from an index on, and an index of the output."""
        return call_tile(
            self.tile(pixels),
            Argument(columns.name, tuple(map(affine, start))),
            Argument("output", tuple(map(affine, output))),
        )


class Flat(Columns):
    """1x1 with stride 1: pixels in pairs through the whole image, widened just before."""

    @staticmethod
    def takes(shape: ConvShape) -> bool:
        """Whether the pixels are words."""
        return shape.is_pointwise and shape.in_channels % 2 == 0

    @property
    def run(self) -> int:
        """See the base class."""
        return self.shape.in_channels

    @property
    def planar(self) -> bool:
        """See the base class."""
        return self.run % 4 == 0

    @property
    def copy_cycles(self) -> int:
        """See the base class."""
        return self.shape.in_size[0] * self.shape.in_size[1] * self.run

    def tile(self, pixels: int) -> GemmTile:
        """See the base class."""
        return self.tile_with(pixels, (1, self.run, 0), self.run)

    def kernel(self) -> Loops:
        """See the base class."""
        s, run = self.shape, self.run
        pixels = s.out_size[0] * s.out_size[1]
        pairs, odd = divmod(pixels, 2)
        x = Buffer("input", DType.INT8, (pixels * run,), Role.INPUT)
        y = Buffer("output", DType.INT8, (pixels, s.out_channels), Role.OUTPUT)
        columns = Buffer("columns", DType.INT16, ((2 if pairs else 1) * run,), Role.SCRATCH)

        def block(first: Affine, count: int) -> tuple[Stmt, ...]:
            name = "i" if count > 1 else "i_last"
            source, target = place(x, first * run), place(columns, 0)
            return (
                *widen(source, target, count * run, name, planar=self.planar),
                self.call(count, columns, (0,), (first, 0)),
            )

        body: tuple[Stmt, ...] = ()
        if pairs:
            body += b.nest([("pair", pairs)], *block(affine("pair") * 2, 2))
        if odd:
            body += block(affine(pixels - 1), 1)
        return (x, stream_buffer(self.tile(2)), y, columns), body


class Gathered(Columns):
    """Any shape: every column is gathered element by element."""

    @property
    def run(self) -> int:
        """See the base class."""
        return self.shape.kernel[0] * self.shape.kernel[1] * self.shape.in_channels

    @property
    def planar(self) -> bool:
        """See the base class."""
        return False

    @property
    def copy_cycles(self) -> int:
        """See the base class."""
        return _GATHER_CYCLES * self.shape.out_size[0] * self.shape.out_size[1] * self.run

    @property
    def length(self) -> int:
        """Elements of a column in whole words."""
        return self.run + self.run % 2

    def tile(self, pixels: int) -> GemmTile:
        """See the base class."""
        return self.tile_with(pixels, (1, self.run, 0), self.length)

    def kernel(self) -> Loops:
        """See the base class."""
        s = self.shape
        pairs, odd = divmod(s.out_size[1], 2)
        x = Buffer("input", DType.INT8, (*s.in_size, s.in_channels), Role.INPUT)
        y = Buffer("output", DType.INT8, (*s.out_size, s.out_channels), Role.OUTPUT)
        columns = Buffer("columns", DType.INT16, (2, self.length), Role.SCRATCH)

        def gather(count: int, first: Affine, suffix: str) -> tuple[Stmt, ...]:
            pixel = f"pixel{suffix}"
            body = self.gather(x, columns, first + affine(pixel), affine(pixel), suffix)
            call = self.call(count, columns, (0, 0), ("oy", first, 0))
            return (For(pixel, count, body), call)

        # Behind an odd column is an element whose weight is 0; it must have some value.
        body: tuple[Stmt, ...] = tuple(
            stmt
            for pixel in range(2)
            for stmt in fill(place(columns, pixel, self.run), self.length - self.run, 0, "rest")
        )
        row: tuple[Stmt, ...] = ()
        if pairs:
            row += (For("pair", pairs, gather(2, affine("pair") * 2, "")),)
        if odd:
            row += gather(1, affine(s.out_size[1] - 1), "_last")
        return (x, stream_buffer(self.tile(2)), y, columns), (*body, For("oy", s.out_size[0], row))

    def gather(
        self, x: Buffer, columns: Buffer, ox: Affine, pixel: Affine, suffix: str
    ) -> tuple[Stmt, ...]:
        """Fills one column."""
        s = self.shape
        ky, kx, ic = (f"{name}{suffix}" for name in ("ky", "kx", "ic"))
        iy = s.tap(0, "oy", ky)
        ix = ox * s.stride[1] + affine(kx) * s.dilation[1] - s.padding[1]
        tap = (affine(ky) * s.kernel[1] + affine(kx)) * s.in_channels
        target = place(columns, pixel, tap)
        inside = (b.inside(iy, s.in_size[0]), b.inside(ix, s.in_size[1]))
        zero = s.numbers.input_zero_point
        return b.nest(
            [(ky, s.kernel[0]), (kx, s.kernel[1])],
            *fill(target, s.in_channels, zero, f"zero{suffix}"),
            If(
                inside,
                widen(place(x, iy, ix, 0), target, s.in_channels, ic, planar=False, aligned=False),
            ),
        )
