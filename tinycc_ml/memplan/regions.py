"""An arena in several memories: what is used most for its size lies in the fastest.

The regions' offsets count on from each other, so that a plan of several is a plan of one arena that
nothing crosses a border of; whoever reads plans need not know of regions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tinycc_ml.memplan.bound import lower_bound_bytes
from tinycc_ml.memplan.plan import ArenaRegion, MemoryPlan
from tinycc_ml.memplan.portfolio import best_placement
from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem
from tinycc_ml.memplan.skyline import Budget

# Arrays begin at a multiple of it, whatever they hold: that of an int64_t.
_ARRAY_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class RegionLimit:
    """A memory, and how much of it the arena may take.

    Args:
        name: Of the memory.
        size_bytes: At most so many bytes.
    """

    name: str
    size_bytes: int


def assign_regions(
    problem: PlanProblem, limits: Sequence[RegionLimit], heat: Mapping[str, int]
) -> tuple[tuple[PlannedBuffer, ...], ...] | None:
    """The buffers of each region.

    Greedy: in descending order of bytes moved per byte of size, each goes to the first region in
    which it still fits, all that is there already placed anew.

    Args:
        problem: What to place.
        limits: The regions, the fastest first.
        heat: Bytes that an inference moves to and from each buffer; 0 where absent.

    Returns:
        In the order of `limits`; ``None`` if some buffer fits nowhere.
    """
    chosen: list[list[PlannedBuffer]] = [[] for _ in limits]
    for buffer in sorted(
        problem.buffers, key=lambda b: (-heat.get(b.name, 0) / b.size_bytes, b.size_bytes, b.name)
    ):
        for held, limit in zip(chosen, limits, strict=True):
            part = _part(problem, [*held, buffer])
            placed = best_placement(part, lower_bound_bytes(part), Budget(0))
            if placed.arena_bytes <= limit.size_bytes:
                held.append(buffer)
                break
        else:
            return None
    return tuple(tuple(held) for held in chosen)


def _part(problem: PlanProblem, buffers: Iterable[PlannedBuffer]) -> PlanProblem:
    """The problem of some buffers, in its own order, and the overlaps among them."""
    names = {buffer.name for buffer in buffers}
    return PlanProblem(
        tuple(buffer for buffer in problem.buffers if buffer.name in names),
        tuple(o for o in problem.overlaps if {o.written, o.dying} <= names),
    )


def parts_of(
    problem: PlanProblem, limits: Sequence[RegionLimit], heat: Mapping[str, int]
) -> tuple[tuple[str, PlanProblem], ...] | None:
    """The memories that are used, and the problem of each; as :func:`assign_regions`."""
    assigned = assign_regions(problem, limits, heat)
    if assigned is None:
        return None
    pairs = zip(limits, assigned, strict=True)
    return tuple((limit.name, _part(problem, held)) for limit, held in pairs if held)


def join_plans(problem: PlanProblem, plans: Sequence[tuple[str, MemoryPlan]]) -> MemoryPlan:
    """One plan of one for each region, without states and views.

    Args:
        problem: The whole problem.
        plans: The memories' names and the plans of their parts.
    """
    regions: list[ArenaRegion] = []
    places = {}
    end = 0
    for name, plan in plans:
        size_bytes = -(-plan.arena_bytes // _ARRAY_ALIGNMENT) * _ARRAY_ALIGNMENT
        regions.append(ArenaRegion(name, end, size_bytes))
        for place in plan.placements:
            places[place.name] = replace(place, offset_bytes=place.offset_bytes + end)
        end += size_bytes
    shared = (entry for _, plan in plans for entry in plan.shared)
    return MemoryPlan(
        tuple(places[buffer.name] for buffer in problem.buffers),
        end,
        lower_bound_bytes(problem),
        problem.alignment,
        tuple(sorted(shared, key=lambda entry: entry.step)),
        regions=tuple(regions) if len(regions) > 1 else (),
    )
