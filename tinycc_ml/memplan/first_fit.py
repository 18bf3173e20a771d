"""First fit: place buffers in a given order, each at its lowest legal offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinycc_ml.memplan.problem import PlannedBuffer
from tinycc_ml.memplan.separation import Separation

_UNPLACED = -1


@dataclass(frozen=True, slots=True)
class Placed:
    """Every buffer has an offset.

    Args:
        offsets: Per buffer of the problem, in bytes.
        arena_bytes: The end of the topmost buffer.
    """

    offsets: tuple[int, ...]
    arena_bytes: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """A buffer did not fit below the limit.

    Args:
        buffer: Its index in the problem.
    """

    buffer: int


def first_fit(
    buffers: Sequence[PlannedBuffer],
    separations: Sequence[Sequence[Separation]],
    order: Sequence[int],
    limit_bytes: int | None = None,
) -> Placed | Stuck:
    """Place ``buffers`` in ``order``.

    Without negative distances and gaps some order always gives the optimum (that of an optimal
    plan's own offsets), so searching for a good plan is searching for a good order.

    Args:
        buffers: The buffers of a problem.
        separations: Per buffer, what the others demand of it.
        order: A permutation of the buffer indices.
        limit_bytes: Give up as soon as a buffer ends beyond it.
    """
    offsets = [_UNPLACED] * len(buffers)
    arena_bytes = 0
    for index in order:
        offset = _lowest_legal(separations[index], offsets, buffers[index].alignment)
        end = offset + buffers[index].size_bytes
        if limit_bytes is not None and end > limit_bytes:
            return Stuck(index)
        offsets[index] = offset
        arena_bytes = max(arena_bytes, end)
    return Placed(tuple(offsets), arena_bytes)


def _lowest_legal(row: Sequence[Separation], offsets: Sequence[int], alignment: int) -> int:
    """The lowest aligned offset that every placed buffer allows."""
    placed = [s for s in row if offsets[s.other] != _UNPLACED]
    # Open intervals of offsets that a placed buffer forbids.
    forbidden = sorted(
        (offsets[s.other] - s.below_bytes, offsets[s.other] + s.above_bytes)
        for s in placed
        if s.gaps is None
    )
    offset = _lowest_outside(forbidden, alignment, 0)
    with_gaps = [s for s in placed if s.gaps is not None]
    tried = _UNPLACED
    while with_gaps and offset != tried:
        tried = offset
        for separation in with_gaps:
            offset = _beyond(separation, offsets[separation.other], alignment, offset)
        offset = _lowest_outside(forbidden, alignment, offset)
    return offset


def _lowest_outside(forbidden: Sequence[tuple[int, int]], alignment: int, offset: int) -> int:
    """The lowest aligned offset from one on inside none of the open intervals, which are sorted."""
    for low, high in forbidden:
        if offset <= low:
            break
        if offset < high:
            offset = -(-high // alignment) * alignment
    return offset


def _beyond(separation: Separation, other: int, alignment: int, offset: int) -> int:
    """The lowest aligned offset from one on that a separation with gaps allows."""
    high = other + separation.above_bytes
    if separation.gaps is None or not other - separation.below_bytes < offset < high:
        return offset
    step, low = separation.gaps.step_bytes, max(offset - other, separation.gaps.low_bytes)
    first = other + -(-low // step) * step
    for gap in range(first, other + separation.gaps.high_bytes + 1, step):
        if gap % alignment == 0:
            return gap
    return -(-high // alignment) * alignment
