"""A lower bound that sees several steps at once, for problems with overlaps.

Outputs that lie over their inputs move the same way at every step, so a chain of layers needs more
than any one of its steps does. Each pair of buffers has two possible orders in the arena. If one of
them would not fit into ``n`` bytes, the other is forced, and forced distances add up along chains;
if neither fits, no plan of ``n`` bytes exists. The bound is the least ``n`` not refuted so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem
from tinycc_ml.memplan.separation import separations


@dataclass(frozen=True, slots=True)
class _Pair:
    """Either ``offset[other] >= offset[one] + up_bytes``, or the reverse with ``down_bytes``."""

    one: int
    other: int
    up_bytes: int
    down_bytes: int


def chain_bound_bytes(problem: PlanProblem, known_bytes: int) -> int:
    """The bound, at least `known_bytes`.

    Args:
        problem: What to place.
        known_bytes: A lower bound from elsewhere.
    """
    # As if every distance from the least one on were legal, not only those of whole pixels.
    overlaps = tuple(replace(o, forward_bytes=o.least_bytes, pixels=None) for o in problem.overlaps)
    pairs = [
        _Pair(index, s.other, s.below_bytes, s.above_bytes)
        for index, row in enumerate(separations(replace(problem, overlaps=overlaps)))
        for s in row
        if index < s.other
    ]
    low_bytes, high_bytes = known_bytes, known_bytes
    step_bytes = 1
    while _is_refuted(problem.buffers, pairs, high_bytes):
        low_bytes, high_bytes = high_bytes + 1, high_bytes + step_bytes
        step_bytes *= 2
    # What refutes a size refutes every smaller one.
    while low_bytes < high_bytes:
        middle_bytes = (low_bytes + high_bytes) // 2
        if _is_refuted(problem.buffers, pairs, middle_bytes):
            low_bytes = middle_bytes + 1
        else:
            high_bytes = middle_bytes
    return low_bytes


def _is_refuted(buffers: Sequence[PlannedBuffer], pairs: Sequence[_Pair], arena_bytes: int) -> bool:
    """Whether forced distances show that no plan has `arena_bytes`; ``False`` proves nothing."""
    # Least offset of each buffer, and least distance from its offset to the end of the arena.
    lows = [0] * len(buffers)
    tails = [buffer.size_bytes for buffer in buffers]
    # A chain has at most as many links as there are buffers.
    for _ in buffers:
        before = (list(lows), list(tails))
        for pair in pairs:
            one, other = pair.one, pair.other
            fits_up = lows[one] + pair.up_bytes + tails[other] <= arena_bytes
            fits_down = lows[other] + pair.down_bytes + tails[one] <= arena_bytes
            if fits_up and fits_down:
                continue
            if not fits_up and not fits_down:
                return True
            distance_bytes = pair.up_bytes
            if not fits_up:
                one, other, distance_bytes = other, one, pair.down_bytes
            low_bytes = -(-(lows[one] + distance_bytes) // buffers[other].alignment)
            lows[other] = max(lows[other], low_bytes * buffers[other].alignment)
            tails[one] = max(tails[one], distance_bytes + tails[other])
        if any(low + tail > arena_bytes for low, tail in zip(lows, tails, strict=True)):
            return True
        if before == (lows, tails):
            return False
    return False
