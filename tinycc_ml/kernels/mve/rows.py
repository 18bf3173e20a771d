"""A buffer of int8 input rows with room for the padding left and right.

For each row of the output, the input rows under the kernel are copied into it. Elements outside the
input hold the input's zero point, which the folded bias takes off again.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.copying import fill, place
from tinycc_ml.kernels.input_rows import load_rows
from tinycc_ml.kernels.mve.copying import copy_intrinsic
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


@dataclass(frozen=True, slots=True)
class RowBuffer:
    """The rows under one row of the output; `room` elements behind each may be read."""

    shape: ConvShape
    room: int = 0

    @property
    def length(self) -> int:
        """Elements of a row, in whole words."""
        elements = self.shape.padded_columns * self.shape.in_channels + self.room
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
        return self._left + self.shape.input_columns * self.shape.in_channels

    def pad(self) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        s = self.shape
        zero, end = s.numbers.input_zero_point, s.padded_columns * s.in_channels
        body = (
            *fill(place(self.buffer, "pad_ky", 0), self._left, zero, "left"),
            *fill(place(self.buffer, "pad_ky", self._filled), end - self._filled, zero, "right"),
        )
        return (For("pad_ky", s.kernel[0], body),) if body else ()

    def load(self, x: Buffer) -> tuple[Stmt, ...]:
        """The rows under output row `oy`; those above and below the input are zero points.

        Args:
            x: The input: rows, elements of a row.
        """

        def copy(row: Affine) -> tuple[Stmt, ...]:
            windows = (
                Argument(x.name, (row, affine(0))),
                Argument("rows", (affine("ky"), affine(self._left))),
            )
            return (CallIntrinsic(copy_intrinsic(self._filled - self._left), windows),)

        return load_rows(self.shape, copy, self._blank)

    def _blank(self, name: str) -> tuple[Stmt, ...]:
        start: Affine = affine(self._left)
        zero = self.shape.numbers.input_zero_point
        return fill(place(self.buffer, "ky", start), self._filled - self._left, zero, name)
