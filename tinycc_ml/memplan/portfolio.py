"""Search over first-fit orders: a fixed portfolio, then bounded repair of the best one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan.first_fit import Placed, Stuck, first_fit
from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem
from tinycc_ml.memplan.separation import Separation, separations

# Below 50 ms for a model of 30 buffers that misses its bound; every model so far reaches it.
DEFAULT_REPAIR_TRIES = 300
_SEED = 1

_Neighbours = Sequence[Sequence[Separation]]


def best_placement(
    problem: PlanProblem, bound_bytes: int, repair_tries: int = DEFAULT_REPAIR_TRIES
) -> Placed:
    """The smallest placement found; the same for the same arguments.

    Args:
        problem: What to place.
        bound_bytes: A lower bound on the arena; the search ends where it is reached.
        repair_tries: How many more orders to try if no fixed order reaches the bound.
    """
    neighbours = separations(problem)
    best_order: Sequence[int] = ()
    best: Placed | None = None
    for order in _portfolio(problem.buffers, neighbours):
        limit_bytes = None if best is None else best.arena_bytes - 1
        outcome = first_fit(problem.buffers, neighbours, order, limit_bytes)
        if isinstance(outcome, Placed):
            best_order, best = order, outcome
            if best.arena_bytes <= bound_bytes:
                return best
    if best is None:
        raise InternalError("memory plan: first fit without a limit did not place every buffer")
    return _repair(
        problem, neighbours, best_order, best=best, bound_bytes=bound_bytes, tries=repair_tries
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


def _repair(
    problem: PlanProblem,
    neighbours: _Neighbours,
    order: Sequence[int],
    *,
    best: Placed,
    bound_bytes: int,
    tries: int,
) -> Placed:
    """Ask for one byte less again and again; the buffer that sticks moves up the order."""
    chance = random.Random(_SEED)
    current = list(order)
    for _ in range(tries):
        if best.arena_bytes <= bound_bytes:
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
