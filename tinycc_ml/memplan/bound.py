"""A lower bound on the arena: no plan, from whatever planner, can be smaller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem


def lower_bound_bytes(problem: PlanProblem) -> int:
    """The most bytes that any one step needs at the same time."""
    # A live set is largest where a buffer has just begun, so only those steps need a look.
    starts = {buffer.first_step for buffer in problem.buffers}
    return max((_live_bytes(_live(problem.buffers, step)) for step in starts), default=0)


def _live(buffers: Iterable[PlannedBuffer], step: int) -> list[PlannedBuffer]:
    return [buffer for buffer in buffers if buffer.first_step <= step <= buffer.last_step]


def _live_bytes(live: Sequence[PlannedBuffer]) -> int:
    """Least bytes for disjoint buffers, each at a multiple of its alignment.

    Rounding every size up would not be a bound: the topmost buffer needs no padding, and a buffer
    of small alignment fits into the padding of another. For each alignment ``a``, the buffers
    aligned to at least ``a`` start at multiples of ``a``; of those all but the topmost take their
    size rounded up to ``a``, and the cheapest choice of a topmost one is that with the most
    padding.
    """
    bounds = [sum(buffer.size_bytes for buffer in live)]
    for alignment in {buffer.alignment for buffer in live}:
        sizes = [buffer.size_bytes for buffer in live if buffer.alignment >= alignment]
        padding = [-size % alignment for size in sizes]
        bounds.append(sum(sizes) + sum(padding) - max(padding))
    return max(bounds)
