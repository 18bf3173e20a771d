"""Windows that reach over the border of the input, sorted by how much of them lies inside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Segment:
    """Neighbouring outputs along one axis whose windows have the same taps inside the input.

    Attributes:
        first: The first output.
        count: How many outputs.
        start: Input index of the first tap inside, for the first output.
        taps: Taps inside, for each of them.
    """

    first: int
    count: int
    start: int
    taps: int


def segments(out: int, size: int, kernel: int, stride: int, padding: int) -> tuple[Segment, ...]:
    """The segments of an axis, in order.

    Args:
        out: Outputs along the axis.
        size: Inputs along the axis.
        kernel: Taps of a window.
        stride: From one window to the next.
        padding: Taps of the first window that lie before the input.
    """
    found: list[Segment] = []
    for index in range(out):
        start = index * stride - padding
        inside = range(max(0, start), min(size, start + kernel))
        last = found[-1] if found else None
        if last and last.taps == len(inside) and inside.start == last.start + last.count * stride:
            found[-1] = Segment(last.first, last.count + 1, last.start, last.taps)
        else:
            found.append(Segment(index, 1, inside.start, len(inside)))
    return tuple(found)
