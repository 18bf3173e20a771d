"""Convolutions whose weights are data: for layers whose code would not fit the flash.

For each output row, the input rows under the kernel are turned into a buffer of chunks (see
:mod:`tinycc_ml.kernels.swar.data_tile`); a pixel's column is a piece of each of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.swar.column import Source, fill_run
from tinycc_ml.kernels.swar.data_meaning import data_intrinsic
from tinycc_ml.kernels.swar.data_packing import (
    DataFilters,
    chunk_elements,
    data_filters,
    pack_data,
    padded,
)
from tinycc_ml.kernels.swar.data_tile import DataTile
from tinycc_ml.kernels.swar.fully_connected import CYCLES
from tinycc_ml.kernels.swar.layer import REQUIRES, Isa
from tinycc_ml.kernels.swar.pairs import rows_of_pixels
from tinycc_ml.loopir import (
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    Condition,
    Expr,
    For,
    If,
    Literal,
    LoopKernel,
    Role,
    Stmt,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload, op

#: Cycles per element that is turned into part of a chunk.
_FILLING: dict[Isa, int] = {"thumb1": 14, "thumb2": 9}


class Conv2DData(KernelDef):
    """Any kernel size, stride and padding; no dilation along the rows."""

    op = "conv2d"

    def __init__(self, isa: Isa) -> None:
        self.isa = isa
        self.name = f"conv2d_s8__{isa}_1x4"  # type: ignore[misc]
        self.requires = REQUIRES[isa]  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        s = ConvShape.of(workload)
        if s.dilation[1] > 1 and s.kernel[1] > 1:
            return f"dilation {s.dilation[0]}x{s.dilation[1]}; allowed 1 along the rows"
        if _Rows(s).inner < 1:
            return "some outputs see nothing but padding"
        found = data_filters(self.isa, s.numbers, constants)
        return found if isinstance(found, str) else None

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        rows = _Rows(rows_of_pixels(ConvShape.of(workload)))
        tile, _ = self._tile(rows, constants)
        loops = _Loops(self.isa, rows, tile).kernel()
        # A row of outputs is written when all that it needs has been read: earlier than promised.
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        tenths, each = CYCLES[self.isa]
        s = ConvShape.of(workload)
        filled = s.out_size[0] * s.kernel[0] * s.in_size[1] * s.in_channels
        products = op(self.op).macs(workload) * tenths // 10
        return products + each * outputs(workload) + _FILLING[self.isa] * filled

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        rows = _Rows(rows_of_pixels(ConvShape.of(workload)))
        tile, filters = self._tile(rows, constants)
        return (pack_data(filters, tile),)

    def _tile(self, rows: _Rows, constants: Sequence[Constant]) -> tuple[DataTile, DataFilters]:
        """The tile, and the filters in the order of its column."""
        s = rows.shape
        filters = data_filters(self.isa, s.numbers, constants)
        assert not isinstance(filters, str)  # the layer is not refused
        # A chunk lies within a pixel, so that it serves all columns that the pixel is part of.
        weight = filters.weight.reshape(s.out_channels, -1, s.in_channels)
        chunk = chunk_elements(weight)
        spread = padded(weight, chunk)
        per_pixel = spread.shape[2] // chunk
        chunks = s.kernel[1] * per_pixel
        tile = DataTile(
            s.out_channels,
            s.kernel[0],
            chunks,
            chunk,
            rows.columns * per_pixel * (chunk + 1) if s.kernel[0] > 1 else 0,
            filters.scales.shape[1],
            s.numbers.output_min,
            s.numbers.output_max,
            filters.corrects,
        )
        return tile, replace(filters, weight=spread.reshape(s.out_channels, -1))


class _Rows:
    """The columns of the buffer of rows."""

    def __init__(self, shape: ConvShape) -> None:
        self.shape = shape
        self.columns = (shape.out_size[1] - 1) * shape.stride[1] + shape.kernel[1]
        self.inner = min(shape.in_size[1], self.columns - shape.padding[1])


class _Loops:
    def __init__(self, isa: Isa, rows: _Rows, tile: DataTile) -> None:
        self.isa = isa
        self.shape = s = rows.shape
        self.columns, self.inner = rows.columns, rows.inner
        self.tile = tile
        self.pixel_words = tile.chunks // s.kernel[1] * (tile.chunk + 1)
        self.x = Buffer("input", DType.INT8, (*s.in_size, s.in_channels), Role.INPUT)
        self.y = Buffer("output", DType.INT8, (*s.out_size, s.out_channels), Role.OUTPUT)
        shape = (s.kernel[0], self.columns, self.pixel_words)
        self.rows = Buffer("rows", DType.INT32, shape, Role.SCRATCH)

    def kernel(self) -> LoopKernel:
        """The function."""
        s = self.shape
        stream = Buffer(
            "stream", DType.INT32, (self.tile.groups * self.tile.group_words,), Role.CONSTANT
        )
        windows = (
            Argument("rows", (affine(0), affine("ox") * s.stride[1], affine(0))),
            Argument("stream", (affine(0),)),
            Argument("output", (affine("oy"), affine("ox"), affine(0))),
        )
        call = CallIntrinsic(data_intrinsic(self.isa, self.tile), windows)
        line = (*self.load_rows(), For("ox", s.out_size[1], (call,)))
        body = (*self.pad(), For("oy", s.out_size[0], line))
        return LoopKernel("conv2d", (self.x, stream, self.y, self.rows), body)

    def pad(self) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        left = min(self.shape.padding[1], self.columns)
        end = self.shape.padding[1] + self.inner
        body: tuple[Stmt, ...] = ()
        for name, start, count in (("left", 0, left), ("right", end, self.columns - end)):
            if count > 0:
                body += (For(name, count, self.blank("pad_ky", affine(name) + start, name)),)
        return (For("pad_ky", self.shape.kernel[0], body),) if body else ()

    def blank(self, ky: str, column: Affine, name: str) -> tuple[Stmt, ...]:
        """A pixel of padding."""
        zero = Literal(self.shape.numbers.input_zero_point)
        return self.pixel(ky, column, lambda _: zero, f"{name}_chunk")

    def pixel(self, ky: str, column: Affine, source: Source, name: str) -> tuple[Stmt, ...]:
        """A pixel of the buffer."""
        return fill_run(
            self.rows,
            lambda at: (affine(ky), column, at),
            source,
            self.shape.in_channels,
            self.tile.chunk,
            name,
        )

    def load_rows(self) -> tuple[Stmt, ...]:
        """The input rows under the kernel; rows above and below the input are zero points."""
        s = self.shape
        iy = s.tap(0, "oy", "ky")
        low, high = iy.bounds({"oy": s.out_size[0], "ky": s.kernel[0]})
        column = affine("ix") + s.padding[1]

        def element(at: Affine) -> Expr:
            return b.load(self.x, iy, "ix", at)

        loads = For("ix", self.inner, self.pixel("ky", column, element, "chunk"))
        if low >= 0 and high < s.in_size[0]:
            return (For("ky", s.kernel[0], (loads,)),)
        body: tuple[Stmt, ...] = ()
        if low < s.in_size[0] and high >= 0:
            body += (If((b.inside(iy, s.in_size[0]),), (loads,)),)
        for name, outside in (
            ("above", Condition(iy, low, min(0, high + 1)) if low < 0 else None),
            ("below", Condition(iy, max(low, s.in_size[0]), high + 1)),
        ):
            if outside and outside.low < outside.high:
                at = affine(f"{name}_ix") + s.padding[1]
                blank = For(f"{name}_ix", self.inner, self.blank("ky", at, name))
                body += (If((outside,), (blank,)),)
        return (For("ky", s.kernel[0], body),)
