"""A buffer of int8 input rows with room for the padding left and right.

For each row of the output, the input rows under the kernel are copied into it. Elements outside the
input hold the input's zero point, which the folded bias takes off again.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.copying import fill, place
from tinycc_ml.kernels.mve.copying import copy_intrinsic
from tinycc_ml.loopir import (
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    Condition,
    For,
    If,
    Role,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b


@dataclass(frozen=True, slots=True)
class RowBuffer:
    """The rows under one row of the output; `room` elements behind each may be read."""

    shape: ConvShape
    room: int = 0

    @property
    def needed(self) -> int:
        """Pixels of a row under the kernel."""
        s = self.shape
        return (s.out_size[1] - 1) * s.stride[1] + (s.kernel[1] - 1) * s.dilation[1] + 1

    @property
    def columns(self) -> int:
        """Input columns that are needed and exist; below 1 the rows are nothing but padding."""
        return min(self.shape.in_size[1], self.needed - self.shape.padding[1])

    @property
    def length(self) -> int:
        """Elements of a row, in whole words."""
        elements = self.needed * self.shape.in_channels + self.room
        return elements + -elements % 4

    @property
    def buffer(self) -> Buffer:
        """The scratch parameter."""
        return Buffer("rows", DType.INT8, (self.shape.kernel[0], self.length), Role.SCRATCH)

    @property
    def _left(self) -> int:
        return self.shape.padding[1] * self.shape.in_channels

    @property
    def _filled(self) -> int:
        """What is in a row before the padding on the right."""
        return self._left + self.columns * self.shape.in_channels

    def pad(self) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        zero, end = self.shape.numbers.input_zero_point, self.needed * self.shape.in_channels
        body = (
            *fill(place(self.buffer, "pad_ky", 0), self._left, zero, "left"),
            *fill(place(self.buffer, "pad_ky", self._filled), end - self._filled, zero, "right"),
        )
        return (For("pad_ky", self.shape.kernel[0], body),) if body else ()

    def load(self, x: Buffer) -> tuple[Stmt, ...]:
        """The rows under output row `oy`; those above and below the input are zero points.

        Args:
            x: The input: rows, elements of a row.
        """
        s = self.shape
        iy = s.tap(0, "oy", "ky")
        low, high = iy.bounds({"oy": s.out_size[0], "ky": s.kernel[0]})
        copied = self._filled - self._left
        windows = (
            Argument(x.name, (iy, affine(0))),
            Argument("rows", (affine("ky"), affine(self._left))),
        )
        copy = CallIntrinsic(copy_intrinsic(copied), windows)
        if low >= 0 and high < s.in_size[0]:
            return (For("ky", s.kernel[0], (copy,)),)
        body: tuple[Stmt, ...] = (If((b.inside(iy, s.in_size[0]),), (copy,)),)
        if low < 0:
            body += (If((Condition(iy, low, 0),), self._blank("above")),)
        if high >= s.in_size[0]:
            body += (If((Condition(iy, s.in_size[0], high + 1),), self._blank("below")),)
        return (For("ky", s.kernel[0], body),)

    def _blank(self, name: str) -> tuple[Stmt, ...]:
        start: Affine = affine(self._left)
        zero = self.shape.numbers.input_zero_point
        return fill(place(self.buffer, "ky", start), self._filled - self._left, zero, name)
