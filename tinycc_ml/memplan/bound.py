"""A lower bound on the arena: no plan, from whatever planner, can be smaller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.memplan.chain_bound import chain_bound_bytes
from tinycc_ml.memplan.problem import Overlap, PlannedBuffer, PlanProblem


def lower_bound_bytes(problem: PlanProblem) -> int:
    """The most bytes that any one step needs at the same time.

    Where an output may lie over dying inputs, the step needs at least the output without those
    inputs, the inputs without the output, and the union of both, whose size is bounded in
    :func:`_least_union_bytes`; everything else that lives then is disjoint from all of them. As
    overlaps also tie neighbouring steps together, :mod:`chain_bound` then looks at chains of them.
    """
    # A live set is largest where a buffer has just begun, so only those steps need a look.
    starts = {buffer.first_step for buffer in problem.buffers}
    bound_bytes = max((_step_bytes(problem, step) for step in starts), default=0)
    return chain_bound_bytes(problem, bound_bytes) if problem.overlaps else bound_bytes


def _step_bytes(problem: PlanProblem, step: int) -> int:
    live = {b.name: b for b in problem.buffers if b.first_step <= step <= b.last_step}
    groups: dict[str, list[Overlap]] = {}
    for overlap in problem.overlaps:
        # Both live in one step only, that in which the one begins and the other ends.
        if overlap.written in live and overlap.dying in live:
            groups.setdefault(overlap.written, []).append(overlap)
    dying = {overlap.dying for group in groups.values() for overlap in group}
    apart = [b for name, b in live.items() if name not in dying and name not in groups]
    unions = [_least_union_bytes(live, group) for group in groups.values()]
    return max(
        _live_bytes([b for name, b in live.items() if name not in groups]),
        _live_bytes([b for name, b in live.items() if name not in dying]),
        sum(unions) + sum(b.size_bytes for b in apart),
    )


def _least_union_bytes(live: Mapping[str, PlannedBuffer], group: Sequence[Overlap]) -> int:
    """Least number of bytes in an output together with the dying inputs that it may lie over.

    The inputs are disjoint from each other. Take the lowest of those that are not wholly below the
    output: it starts at least ``d`` above the output's start, and all others start higher still,
    so the output's first ``d`` bytes belong to the output alone. With a single input the output may
    also end above it.
    """
    written = live[group[0].written].size_bytes
    inputs = sum(live[overlap.dying].size_bytes for overlap in group)
    if all(overlap.backward_bytes is None for overlap in group):
        return max(written, inputs + max(0, min(overlap.least_bytes for overlap in group)))
    if len(group) > 1:
        return max(written, inputs)
    (overlap,) = group
    backward = overlap.backward_bytes or 0
    return min(
        max(written, inputs + max(0, overlap.least_bytes)),
        max(inputs, written + max(0, backward)),
    )


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
