"""Input rows under a kernel: the input itself, or copies with room for the padding.

Where all taps lie in the input, nothing is copied. Otherwise the rows under the kernel are copied
for each row of the output, between zeros that are written once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.fpu.copying import copy_intrinsic
from tinycc_ml.kernels.fpu.shape import FloatShape
from tinycc_ml.kernels.input_rows import load_rows
from tinycc_ml.loopir import (
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    Role,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.walk import substitute
from tinycc_ml.ops import Access

#: Parameters and body of a function.
Loops = tuple[tuple[Buffer, ...], tuple[Stmt, ...]]
#: Of an element that is copied.
_COPY_CYCLES = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one shape; the loop over output rows is named ``oy``, that over taps ``ky``.

    Attributes:
        shape: The layer's.
        apart: Whether the input's rows lie anywhere, as in a ring of them; then several of them are
            always copied.
    """

    shape: FloatShape
    apart: bool = False

    @property
    def is_direct(self) -> bool:
        """Whether nothing is copied."""
        return self.shape.is_inside and not (self.apart and self.shape.kernel[0] > 1)

    def problem(self) -> str | None:
        """Why it cannot be, or ``None``."""
        return None if self.is_direct or self.shape.input_columns > 0 else "it reads only padding"

    @property
    def input(self) -> Buffer:
        """The layer's input by rows."""
        s = self.shape
        shape = (s.in_size[0], s.in_size[1] * s.in_channels)
        return Buffer("input", DType.FLOAT32, shape, Role.INPUT)

    @property
    def scratch(self) -> tuple[Buffer, ...]:
        """The copies, if there are any."""
        if self.is_direct:
            return ()
        shape = (self.shape.kernel[0], self.shape.padded_columns * self.shape.in_channels)
        return (Buffer("rows", DType.FLOAT32, shape, Role.SCRATCH),)

    @property
    def stride(self) -> int:
        """Elements from one row under the kernel to the next."""
        s = self.shape
        if self.is_direct:
            return s.dilation[0] * s.in_size[1] * s.in_channels
        return s.padded_columns * s.in_channels

    def column(self, pixel: Affine) -> Argument:
        """Where the column of an output pixel in the row ``oy`` begins."""
        s = self.shape
        first = pixel * (s.stride[1] * s.in_channels)
        if self.is_direct:
            return Argument("input", (affine("oy") * s.stride[0], first))
        return Argument("rows", (affine(0), first))

    def loops(self, line: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        """The body of a kernel that computes an output row with `line`."""
        s = self.shape
        if self.is_direct:
            # Of one row there is no loop, so that the row may be one of a larger image.
            single = s.out_size[0] == 1
            return substitute(line, "oy", 0) if single else b.nest([("oy", s.out_size[0])], *line)
        return (*self._pad(), *b.nest([("oy", s.out_size[0])], *self._load(), *line))

    @property
    def cycles(self) -> int:
        """Estimated cycles of all copies."""
        s = self.shape
        if self.is_direct:
            return 0
        return _COPY_CYCLES * s.out_size[0] * s.kernel[0] * s.input_columns * s.in_channels

    def access(self) -> Access:
        """Row by row; of copies, all are made before anything is written."""
        return self.shape.access_by_rows(reads_first=not self.is_direct)

    def _pad(self) -> tuple[Stmt, ...]:
        """Zeros left and right: written once, as nothing else is ever stored there."""
        s = self.shape
        left = s.padding[1] * s.in_channels
        end = left + s.input_columns * s.in_channels
        body = self._zeros("pad_ky", 0, left, "left")
        body += self._zeros("pad_ky", end, s.padded_columns * s.in_channels, "right")
        return (For("pad_ky", s.kernel[0], body),) if body else ()

    def _load(self) -> tuple[Stmt, ...]:
        """Copies of the rows under the kernel; those above and below the input are zeros."""
        s = self.shape
        start = s.padding[1] * s.in_channels
        elements = s.input_columns * s.in_channels

        def copy(row: Affine) -> tuple[Stmt, ...]:
            windows = (
                Argument("input", (row, affine(0))),
                Argument("rows", (affine("ky"), affine(start))),
            )
            return (CallIntrinsic(copy_intrinsic(elements), windows),)

        return load_rows(s, copy, lambda name: self._zeros("ky", start, start + elements, name))

    def _zeros(self, row: str, first: int, end: int, name: str) -> tuple[Stmt, ...]:
        if end <= first:
            return ()
        (rows,) = self.scratch
        store = b.store(rows, (row, affine(name) + first), b.number(0.0))
        return b.nest([(name, end - first)], store)


def in_pairs(pixels: int, one: Callable[[int, Affine], Stmt]) -> tuple[Stmt, ...]:
    """The pixels of a row, two at a time.

    Args:
        pixels: Their number.
        one: The statement for one or two pixels from a place on.
    """
    pairs, odd = divmod(pixels, 2)
    body: tuple[Stmt, ...] = b.nest([("pair", pairs)], one(2, affine("pair") * 2)) if pairs else ()
    return (*body, one(1, affine(pixels - 1))) if odd else body
