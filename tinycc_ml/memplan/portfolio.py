"""Search over first-fit orders: a fixed portfolio, then a bounded search for a smaller plan."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan.climb import climb
from tinycc_ml.memplan.first_fit import Placed, Stuck, first_fit
from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem
from tinycc_ml.memplan.separation import Separation, separations
from tinycc_ml.memplan.skyline import Budget, improve

# About 0.2 s for a model that misses its bound; every model so far reaches it.
DEFAULT_BUDGET = Budget(9_000)
_SEED = 1
#: Of the steps without overlaps, how many go to dives that never turn back.
_CLIMB_PERCENT = 75
#: Up to so many buffers, those that turn back soon have tried all there is.
_FEW_BUFFERS = 10

_Neighbours = Sequence[Sequence[Separation]]


def best_placement(
    problem: PlanProblem, bound_bytes: int, budget: Budget = DEFAULT_BUDGET
) -> Placed:
    """The smallest placement found; the same for the same arguments, without a time limit.

    Args:
        problem: What to place.
        bound_bytes: A lower bound on the arena; the search ends where it is reached.
        budget: How long to search if no fixed order reaches the bound. With overlaps, an order
            counts as many steps as it has buffers.
    """
    neighbours = separations(problem)
    best_order: Sequence[int] = ()
    best: Placed | None = None
    orders = _portfolio(problem.buffers, neighbours)
    if problem.overlaps:
        orders += _outputs_first(problem.buffers)
    # Where many buffers are alike, so are many of the orders.
    for order in dict.fromkeys(map(tuple, orders)):
        limit_bytes = None if best is None else best.arena_bytes - 1
        outcome = first_fit(problem.buffers, neighbours, order, limit_bytes)
        if isinstance(outcome, Placed):
            best_order, best = order, outcome
            if best.arena_bytes <= bound_bytes:
                return best
    if best is None:
        raise InternalError("memory plan: first fit without a limit did not place every buffer")
    if budget.steps == 0:
        return best
    if not problem.overlaps:
        return _search(problem, best, bound_bytes, budget)
    return _repair(
        problem, neighbours, best_order, best=best, bound_bytes=bound_bytes, budget=budget
    )


def _portfolio(buffers: Sequence[PlannedBuffer], neighbours: _Neighbours) -> list[list[int]]:
    """The fixed orders. Each key ends in the index, so ties do not depend on the sort."""
    peers_bytes = [sum(buffers[s.other].size_bytes for s in row) for row in neighbours]

    def size(index: int) -> int:
        return buffers[index].size_bytes

    def lifetime(index: int) -> int:
        return buffers[index].lifetime_steps

    keys: tuple[Callable[[int], tuple[int, ...]], ...] = (
        lambda i: (-size(i), -lifetime(i), i),
        lambda i: (-size(i) - peers_bytes[i], -size(i), i),
        lambda i: (-peers_bytes[i], -size(i), i),
        lambda i: (-size(i) * lifetime(i), -size(i), i),
        lambda i: (-lifetime(i), -size(i), i),
        lambda i: (-len(neighbours[i]), -size(i), i),
        lambda i: (buffers[i].first_step, -size(i), i),
        lambda i: (-buffers[i].last_step, -size(i), i),
    )
    return [sorted(range(len(buffers)), key=key) for key in keys]


def _search(problem: PlanProblem, best: Placed, bound_bytes: int, budget: Budget) -> Placed:
    """Many quick dives for most of the steps, then few that turn back where they fail."""
    is_small = len(problem.buffers) <= _FEW_BUFFERS
    climb_steps = budget.steps * _CLIMB_PERCENT // 100
    if is_small or budget.time_limit_s is not None:
        climb_steps = 0
    best = climb(problem, best, bound_bytes, climb_steps)
    return improve(problem, best, bound_bytes, replace(budget, steps=budget.steps - climb_steps))


def _outputs_first(buffers: Sequence[PlannedBuffer]) -> list[list[int]]:
    """Orders for overlaps: a dying input fits above an output that is placed, but not below."""
    by_size = sorted(range(len(buffers)), key=lambda i: (-buffers[i].size_bytes, -i))
    by_step = sorted(range(len(buffers)), key=lambda i: (-buffers[i].first_step, -i))
    return [by_size, by_step]


def _repair(
    problem: PlanProblem,
    neighbours: _Neighbours,
    order: Sequence[int],
    *,
    best: Placed,
    bound_bytes: int,
    budget: Budget,
) -> Placed:
    """Ask for one byte less again and again; the buffer that sticks moves up the order."""
    chance = random.Random(_SEED)
    current = list(order)
    end_s = math.inf if budget.time_limit_s is None else time.monotonic() + budget.time_limit_s
    for _ in range(budget.steps // len(order)):
        if best.arena_bytes <= bound_bytes or time.monotonic() > end_s:
            break
        outcome = first_fit(problem.buffers, neighbours, current, best.arena_bytes - 1)
        if isinstance(outcome, Placed):
            best = outcome
        else:
            _move_up(current, outcome, chance)
    return best


def _move_up(order: list[int], stuck: Stuck, chance: random.Random) -> None:
    position = order.index(stuck.buffer)
    order.insert(chance.randrange(position + 1), order.pop(position))
