"""Pairs of output pixels, and the plane of words that their columns are windows of.

With ``n`` output rows a pair is row ``y`` and row ``y + distance`` where ``distance = n // 2``:
all rows are in some pair, with an odd number of rows the middle one in two. Word ``(r, x, c)`` of
the plane holds the input at row ``r`` and at the one ``distance`` output rows further; what lies
outside the input holds its zero point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Buffer,
    Condition,
    Expr,
    For,
    Literal,
    Stmt,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.bounds import is_unreachable

#: Elements that a loop copies in one turn; compilers do not unroll at -O2.
UNROLL = 4
#: Two elements in a word: ``a + LANE * b``.
LANE = 65536


def rows_of_pixels(shape: ConvShape) -> ConvShape:
    """A pointwise layer as one column of pixels, so that odd heights cost nothing."""
    if not shape.is_pointwise:
        return shape
    pixels = (shape.out_size[0] * shape.out_size[1], 1)
    return replace(shape, in_size=pixels, out_size=pixels)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The pairs of a layer."""

    shape: ConvShape

    @property
    def rows(self) -> int:
        """Rows of pairs."""
        return (self.shape.out_size[0] + 1) // 2

    @property
    def distance(self) -> int:
        """Output rows between a pair's pixels."""
        return self.shape.out_size[0] - self.rows

    @property
    def spans(self) -> tuple[int, int]:
        """Rows and columns under the kernel."""
        s = self.shape
        spans = [(k - 1) * d + 1 for k, d in zip(s.kernel, s.dilation, strict=True)]
        return spans[0], spans[1]

    @property
    def columns(self) -> int:
        """Columns of the plane: the padding included."""
        return (self.shape.out_size[1] - 1) * self.shape.stride[1] + self.spans[1]

    @property
    def inner_columns(self) -> int:
        """Columns of the input that are needed; below 1 the plane is nothing but padding."""
        return min(self.shape.in_size[1], self.columns - self.shape.padding[1])

    def problem(self) -> str | None:
        """Why no plane serves the layer."""
        return None if self.inner_columns > 0 else "every output reads nothing but padding"

    def plane_rows(self, rows: int) -> int:
        """Rows of the plane under so many rows of pairs."""
        return (rows - 1) * self.shape.stride[0] + self.spans[0]

    @property
    def padding_word(self) -> int:
        """Two zero points."""
        return self.shape.numbers.input_zero_point * (LANE + 1)

    def zones(self, first: Affine, rows: Affine, extents: dict[str, int]) -> Iterator[Zone]:
        """The kinds of plane rows: where a lane lies above, in or below the input.

        Args:
            first: The first row of pairs.
            rows: The row of the plane.
            extents: Of the loops in both.
        """
        s = self.shape
        height = s.in_size[0]
        low = first * s.stride[0] + rows - s.padding[0]
        high = low + self.distance * s.stride[0]
        for lower in _zones(low, height, extents):
            for upper in _zones(high, height, extents):
                conditions = (*lower[1], *upper[1])
                if not is_unreachable(extents, conditions):
                    yield Zone(
                        conditions,
                        low if lower[0] == 0 else None,
                        high if upper[0] == 0 else None,
                    )


@dataclass(frozen=True, slots=True)
class Zone:
    """Some rows of the plane.

    Attributes:
        conditions: When a row is one of them.
        low: The input row of the lower lane; ``None`` where it is padding.
        high: That of the upper lane.
    """

    conditions: tuple[Condition, ...]
    low: Affine | None
    high: Affine | None


def _zones(
    row: Affine, height: int, extents: dict[str, int]
) -> Iterator[tuple[int, tuple[Condition, ...]]]:
    """-1 above the input, 0 in it, 1 below it: those that occur, and when."""
    lowest, highest = row.bounds(extents)
    if lowest < 0:
        yield -1, (Condition(row, lowest, min(0, highest + 1)),)
    if lowest < height and highest >= 0:
        inside = lowest >= 0 and highest < height
        yield 0, () if inside else (Condition(row, 0, height),)
    if highest >= height:
        yield 1, (Condition(row, max(height, lowest), highest + 1),)


def word(
    zone: Zone, x: Buffer, zero: int, element: Callable[[Affine], tuple[AffineLike, ...]]
) -> Expr:
    """The word of two elements.

    Args:
        zone: Which lanes are padding.
        x: The input.
        zero: Its zero point.
        element: The element's index for an input row.
    """
    low, high = (
        Literal(zero) if row is None else b.load(x, *element(row)) for row in (zone.low, zone.high)
    )
    if zone.high is None:
        return b.add(low, zero * LANE)
    return b.add(b.mul(high, LANE), low if zone.low is not None else zero)


def repeat(one: Callable[[AffineLike], Stmt], elements: int, name: str) -> tuple[Stmt, ...]:
    """Statements for each of many elements, some in a turn of the loop."""
    turns, rest = divmod(elements, UNROLL)
    body = tuple(one(affine(name) * UNROLL + i) for i in range(UNROLL))
    tail = tuple(one(turns * UNROLL + i) for i in range(rest))
    return (*((For(name, turns, body),) if turns else ()), *tail)


def fill(
    buffer: Buffer, start: tuple[AffineLike, ...], elements: int, value: int, name: str
) -> tuple[Stmt, ...]:
    """Stores a value in many elements."""
    *outer, last = start
    return repeat(
        lambda offset: b.store(buffer, (*outer, affine(last) + offset), Literal(value)),
        elements,
        name,
    )
