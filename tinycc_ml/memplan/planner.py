"""From an execution to a checked memory plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tinycc_ml.memplan.bound import lower_bound_bytes
from tinycc_ml.memplan.check import check_plan
from tinycc_ml.memplan.check_state import check_states
from tinycc_ml.memplan.execution import Execution, Step
from tinycc_ml.memplan.lifespan import plan_problem, storage_roots
from tinycc_ml.memplan.plan import MemoryPlan, Placement, SharedBytes
from tinycc_ml.memplan.portfolio import DEFAULT_BUDGET, best_placement
from tinycc_ml.memplan.problem import Overlap, PlanProblem
from tinycc_ml.memplan.regions import RegionLimit, join_plans, parts_of
from tinycc_ml.memplan.skyline import Budget
from tinycc_ml.memplan.state import place_states


def plan_memory(
    steps: Sequence[Step],
    size_bytes: Mapping[str, int],
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    views: Mapping[str, str] | None = None,
    alignments: Mapping[str, int] | None = None,
) -> MemoryPlan:
    """Place all buffers of an execution in one arena.

    Every plan is replayed by the independent checker before it is returned.

    Args:
        steps: In execution order.
        size_bytes: Per buffer in the arena, views included.
        inputs: Written by the caller before step 0.
        outputs: Read by the caller after the last step.
        views: View -> the buffer, or view, whose storage it shares from the first byte on.
        alignments: Per buffer, a power of two; 1 where absent.

    Raises:
        InternalError: If the execution contradicts itself, or the checker finds a fault.
    """
    return plan_execution(
        Execution(
            tuple(steps), size_bytes, tuple(inputs), tuple(outputs), views or {}, alignments or {}
        )
    )


def plan_execution(execution: Execution) -> MemoryPlan:
    """Place all buffers of an execution in one arena; see :func:`plan_memory`."""
    return _complete(solve(plan_problem(execution)), execution)


def plan_in_regions(
    execution: Execution, limits: Sequence[RegionLimit], heat: Mapping[str, int]
) -> MemoryPlan | None:
    """Place all buffers of an execution in arrays in several memories.

    Args:
        execution: The execution.
        limits: The memories, the fastest first.
        heat: Bytes that an inference moves to and from each buffer, view and scratch.

    Returns:
        ``None`` if they do not fit. Where one memory holds all, the plan of one array.
    """
    problem = plan_problem(execution)
    moved: Counter[str] = Counter()
    roots = storage_roots(execution)
    for name, moved_bytes in heat.items():
        moved[roots.get(name, name)] += moved_bytes
    parts = parts_of(problem, limits, moved)
    if parts is None:
        return None
    plans = [(name, solve(part)) for name, part in parts]
    return _complete(join_plans(problem, plans), execution)


def _complete(plan: MemoryPlan, execution: Execution) -> MemoryPlan:
    """The plan with its views and states, checked."""
    plan = _with_views(plan, execution)
    plan = replace(
        plan,
        states=place_states(execution.states),
        state_alignment=max((state.alignment for state in execution.states), default=1),
    )
    check_plan(execution, plan)
    check_states(execution, plan)
    return plan


def solve(problem: PlanProblem, budget: Budget = DEFAULT_BUDGET) -> MemoryPlan:
    """Place the buffers of a problem.

    Args:
        problem: What to place.
        budget: How long to search if no fixed order reaches the lower bound. The same steps give
            the same plan; with a time limit, plans may differ.
    """
    bound_bytes = lower_bound_bytes(problem)
    placed = best_placement(problem, bound_bytes, budget)
    placements = tuple(
        Placement(buffer.name, offset, buffer.size_bytes, buffer.first_step, buffer.last_step)
        for buffer, offset in zip(problem.buffers, placed.offsets, strict=True)
    )
    return MemoryPlan(
        placements,
        placed.arena_bytes,
        bound_bytes,
        problem.alignment,
        _shared(problem.overlaps, {place.name: place for place in placements}),
    )


def _shared(
    overlaps: Sequence[Overlap], placements: Mapping[str, Placement]
) -> tuple[SharedBytes, ...]:
    """The overlaps that the placements make use of."""
    shared: list[SharedBytes] = []
    for overlap in overlaps:
        written, dying = placements[overlap.written], placements[overlap.dying]
        shared_bytes = min(written.end_bytes, dying.end_bytes) - max(
            written.offset_bytes, dying.offset_bytes
        )
        distance_bytes = dying.offset_bytes - written.offset_bytes
        least_bytes, pixel_bytes = overlap.forward_bytes, 1
        if overlap.pixels is not None and distance_bytes < least_bytes:
            least_bytes, pixel_bytes = overlap.pixels.least_bytes, overlap.pixels.pixel_bytes
        if shared_bytes > 0:
            shared.append(
                SharedBytes(
                    written.first_step,
                    written.name,
                    dying.name,
                    distance_bytes,
                    least_bytes,
                    shared_bytes,
                    pixel_bytes,
                )
            )
    return tuple(sorted(shared, key=lambda entry: entry.step))


def _with_views(plan: MemoryPlan, execution: Execution) -> MemoryPlan:
    """The plan with a placement of its own for every view."""
    roots = storage_roots(execution)
    views = tuple(
        replace(
            plan.placement(roots[view]),
            name=view,
            size_bytes=execution.size_bytes[view],
            view_of=roots[view],
        )
        for view in execution.views
    )
    return replace(plan, placements=plan.placements + views)
