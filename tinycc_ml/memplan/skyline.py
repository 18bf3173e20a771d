"""A search for tight plans of hard problems: buffers are placed in order of their offsets.

Any plan can be built from the bottom up, each buffer on top of what is below it. A dive does that
depth first: of the buffers that could start lowest it takes the one of highest priority, and gives
a branch up as soon as some section cannot hold what is still to come. After a number of steps it is
started again with other priorities: buffers of the section that failed most often come earlier.
What a section still needs is known from below, as in minimalloc; restarts and learned priorities
take the place of its exhaustive search. Only for buffers that are disjoint.
"""

from __future__ import annotations

import math
import random
import time
from dataclasses import dataclass

import numpy as np

from tinycc_ml.memplan.first_fit import Placed
from tinycc_ml.memplan.problem import PlanProblem
from tinycc_ml.memplan.sections import Ints, sections_of

#: Above every offset: the buffer is placed.
_PLACED = 1 << 60
_SEED = 1
#: Steps of a dive: so many per buffer, and enough to try all there is of small problems.
_DIVE, _DIVE_LEAST = 2, 300
#: Of a priority, which is the logarithm of a lifetime: chance, what a failure adds, what stays.
_NOISE, _BOOST, _DECAY = 0.26, 0.1, 0.97


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to search.

    Args:
        steps: Places tried; about 30 microseconds each. The same steps give the same plan.
        time_limit_s: Gives up after so much time; plans then differ from run to run.
    """

    steps: int
    time_limit_s: float | None = None


@dataclass(slots=True)
class _Level:
    """The state before a buffer is placed, and what is still to be tried in it."""

    candidates: list[int]
    lowest: Ints
    to_come: Ints
    tried: int = 0


def improve(problem: PlanProblem, known: Placed, bound_bytes: int, budget: Budget) -> Placed:
    """A smaller placement than `known`, or that one.

    Halves the distance to the bound, and returns to what is easier where that fails.

    Args:
        problem: What to place; without overlaps.
        known: The best placement so far.
        bound_bytes: A lower bound on the arena.
        budget: When to stop.
    """
    search = _Search(problem, budget)
    best, failed_bytes = known, bound_bytes - 1
    while best.arena_bytes - failed_bytes > 1 and not search.is_over():
        limit_bytes = (best.arena_bytes + failed_bytes) // 2
        found = search.below(limit_bytes, (budget.steps - search.steps + 1) // 2)
        if found is None:
            failed_bytes = limit_bytes
        else:
            best = found
    return best


class _Search:
    def __init__(self, problem: PlanProblem, budget: Budget) -> None:
        buffers = problem.buffers
        self.steps = 0
        self._has_tried_all = False
        self._budget, self._start_s = budget, time.monotonic()
        self._sections = sections_of(buffers)
        self._sizes = np.array([buffer.size_bytes for buffer in buffers], np.int64)
        self._alignments = np.array([buffer.alignment for buffer in buffers] + [1], np.int64)
        first, end = self._sections.first, self._sections.end
        self._neighbours = [
            np.nonzero((first < e) & (f < end))[0] for f, e in zip(first, end, strict=True)
        ]
        self._to_come = np.zeros(self._sections.count, np.int64)
        for f, e, size in zip(first, end, self._sizes, strict=True):
            self._to_come[f:e] += size
        self._lifetimes = [
            math.log(e - f) for f, e in zip(first.tolist(), end.tolist(), strict=True)
        ]
        self._boosts = np.zeros(len(buffers))
        self._chance = random.Random(_SEED)

    def is_over(self) -> bool:
        """Whether the budget is used up."""
        limit_s = self._budget.time_limit_s
        is_late = limit_s is not None and time.monotonic() - self._start_s > limit_s
        return is_late or self.steps >= self._budget.steps

    def below(self, limit_bytes: int, steps: int) -> Placed | None:
        """A placement of at most so many bytes; ``None`` proves nothing."""
        end = self.steps + steps
        count = len(self._sizes)
        self._boosts[:] = 0
        noise = 0.0
        while self.steps < end and not self.is_over():
            keys = [
                lifetime + boost + self._chance.uniform(-noise, noise)
                for lifetime, boost in zip(self._lifetimes, self._boosts, strict=True)
            ]
            ranks = np.empty(count, np.int64)
            ranks[np.lexsort((-self._sizes, [-key for key in keys]))] = np.arange(count)
            failures = np.zeros(self._sections.count, np.int64)
            found = self._dive(
                limit_bytes, ranks, failures, min(end, self.steps + max(_DIVE_LEAST, _DIVE * count))
            )
            if found is not None or self._has_tried_all:
                return found
            worst = int(failures.argmax())
            live = (self._sections.first <= worst) & (worst < self._sections.end)
            self._boosts = (self._boosts + _BOOST * live) * _DECAY
            noise = _NOISE
        return None

    def _dive(self, limit_bytes: int, ranks: Ints, failures: Ints, end: int) -> Placed | None:
        """One descent with a little backtracking; counts in which section it failed."""
        lowest = np.zeros(len(self._sizes) + 1, np.int64)
        lowest[-1] = _PLACED  # what fills up the members of sections
        levels = [_Level(self._candidates(lowest, ranks), lowest, self._to_come)]
        while levels and self.steps < end:
            level = levels[-1]
            if level.tried == len(level.candidates):
                levels.pop()
                continue
            buffer = level.candidates[level.tried]
            level.tried += 1
            self.steps += 1
            lowest, to_come = self._place(level, buffer)
            # In each section, all that is to come lies above the lowest of it.
            floors = lowest[self._sections.members].min(axis=1)
            need = np.where(to_come > 0, floors + to_come, 0)
            worst = int(need.argmax())
            if need[worst] > limit_bytes:
                failures[worst] += 1
            elif len(levels) == len(self._sizes):
                return self._placed(levels)
            else:
                levels.append(_Level(self._candidates(lowest, ranks), lowest, to_come))
        # No other priorities would lead to any other branch.
        self._has_tried_all = not levels
        return None

    def _candidates(self, lowest: Ints, ranks: Ints) -> list[int]:
        """The buffers that may come next: nothing else fits below them."""
        offsets = lowest[:-1]
        (found,) = np.nonzero(offsets < (offsets + self._sizes).min())
        order: list[int] = found[np.lexsort((ranks[found], offsets[found]))].tolist()
        return order

    def _place(self, level: _Level, buffer: int) -> tuple[Ints, Ints]:
        """The lowest offsets and the bytes to come after a buffer has been placed."""
        offset, size = level.lowest[buffer], self._sizes[buffer]
        lowest = np.maximum(level.lowest, offset)
        near = self._neighbours[buffer]
        lowest[near] = np.maximum(lowest[near], offset + size)
        lowest = -(-lowest // self._alignments) * self._alignments
        lowest[buffer] = _PLACED
        to_come = level.to_come.copy()
        to_come[self._sections.first[buffer] : self._sections.end[buffer]] -= size
        return lowest, to_come

    def _placed(self, levels: list[_Level]) -> Placed:
        offsets, arena_bytes = [0] * len(self._sizes), 0
        for level in levels:
            buffer = level.candidates[level.tried - 1]
            offsets[buffer] = int(level.lowest[buffer])
            arena_bytes = max(arena_bytes, offsets[buffer] + int(self._sizes[buffer]))
        return Placed(tuple(offsets), arena_bytes)
