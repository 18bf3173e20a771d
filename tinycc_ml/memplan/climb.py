"""A search for tight plans of hard problems: many dives abreast, bred from the best.

A dive builds a plan from the bottom up, like those of ``skyline``, but never turns back: of the
buffers it always takes the one that starts lowest, of equal ones that of highest priority. Without
branches, all dives of a round take each step in a few array operations, which makes a dive some
fifty times cheaper. The priorities are then climbed: each round's are those of the best dives so
far, a few of them changed by chance, and half of them with those buffers raised that live with the
topmost one. Only for buffers that are disjoint.

Everything is in integers, and the generator is one whose numbers never change between versions, so
that every machine finds the same plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinycc_ml.memplan.first_fit import Placed
from tinycc_ml.memplan.problem import PlanProblem
from tinycc_ml.memplan.sections import Ints, sections_of

_SEED = 1
#: Dives of a round, and how many of all are bred from.
_DIVES, _PARENTS = 64, 6
#: The unit of priorities: that of a lifetime is this many times its binary logarithm.
_UNIT = 1 << 10
#: The share of priorities that change, in the first round and in the last; by how much at most.
_FIRST_SHARE, _LAST_SHARE = 0.2, 0.02
_FIRST_CHANGE, _LAST_CHANGE = _UNIT // 2, _UNIT * 3 // 2
#: By how much buffers below the topmost one are raised at most.
_RAISE = _UNIT * 6 // 10


@dataclass(frozen=True, slots=True)
class _Dives:
    """What a number of dives came to.

    Attributes:
        keys: Priorities; int64 of shape (dives, buffers).
        offsets: In bytes; int64 of shape (dives, buffers).
        arena_bytes: int64 of shape (dives,).
        topmost: The buffer that ends last; int64 of shape (dives,).
        excess_bytes: What is to be small: bytes above the least arena there can be, of all buffers
            and of the last one; int64 of shape (dives,).
    """

    keys: Ints
    offsets: Ints
    arena_bytes: Ints
    topmost: Ints
    excess_bytes: Ints

    def best(self, count: int) -> _Dives:
        """The best of them; of equal ones the first."""
        at = np.argsort(self.excess_bytes, kind="stable")[:count]
        return _Dives(
            self.keys[at],
            self.offsets[at],
            self.arena_bytes[at],
            self.topmost[at],
            self.excess_bytes[at],
        )

    def with_more(self, other: _Dives) -> _Dives:
        """These, then others."""
        return _Dives(
            np.concatenate([self.keys, other.keys]),
            np.concatenate([self.offsets, other.offsets]),
            np.concatenate([self.arena_bytes, other.arena_bytes]),
            np.concatenate([self.topmost, other.topmost]),
            np.concatenate([self.excess_bytes, other.excess_bytes]),
        )


def climb(problem: PlanProblem, known: Placed, bound_bytes: int, steps: int) -> Placed:
    """A smaller placement than `known`, or that one.

    Args:
        problem: What to place; without overlaps.
        known: The best placement so far.
        bound_bytes: A lower bound on the arena; ends where it is reached.
        steps: Places tried in each of the dives abreast.
    """
    rounds = steps // len(problem.buffers)
    field = _Field(problem, bound_bytes)
    chance = np.random.RandomState(_SEED)
    parents: _Dives | None = None
    best = known
    for index in range(rounds):
        if best.arena_bytes <= bound_bytes:
            break
        keys = field.priorities(parents, index / rounds, chance)
        dives = field.dive(keys)
        least = int(dives.arena_bytes.argmin())
        if dives.arena_bytes[least] < best.arena_bytes:
            best = Placed(tuple(dives.offsets[least].tolist()), int(dives.arena_bytes[least]))
        parents = (dives if parents is None else parents.with_more(dives)).best(_PARENTS)
    return best


class _Field:
    """The arrays of a problem."""

    def __init__(self, problem: PlanProblem, bound_bytes: int) -> None:
        buffers = problem.buffers
        sections = sections_of(buffers)
        first, end = sections.first, sections.end
        self._bound_bytes = bound_bytes
        self._sizes = np.array([buffer.size_bytes for buffer in buffers], np.int64)
        alignments = [buffer.alignment for buffer in buffers]
        unit_bytes = math.gcd(*self._sizes.tolist())
        # Alignments are powers of two: each divides the unit, or is a multiple of it.
        if unit_bytes % max(alignments):
            unit_bytes = math.gcd(unit_bytes, max(alignments))
        self._unit_bytes = unit_bytes
        self._rank_bits = len(buffers).bit_length()
        # A state is an offset in units and a rank; half as wide is twice as fast.
        most = int(self._sizes.sum() + max(alignments) * len(buffers)) // unit_bytes
        self._state = np.int32 if most << self._rank_bits < 1 << 30 else np.int64
        self._meet = (first[:, None] < end) & (first < end[:, None])
        self._masks = np.where(self._meet, -1, 0).astype(self._state)
        self._units = (self._sizes // unit_bytes).astype(self._state)
        self._aligned = np.maximum(np.array(alignments) // unit_bytes, 1).astype(self._state)
        # In integers: a logarithm's last bit is not the same everywhere.
        lifetimes = (end - first).tolist()
        self._lifetimes = np.array([(n**_UNIT).bit_length() for n in lifetimes], np.int64)

    def priorities(
        self, parents: _Dives | None, progress: float, chance: np.random.RandomState
    ) -> Ints:
        """The priorities of the next round.

        Args:
            parents: What to breed from; ``None`` in the first round.
            progress: Rounds so far, as a share of all.
            chance: Where chance comes from.
        """
        shape = (_DIVES, len(self._sizes))
        share = 1.0
        change = round(_FIRST_CHANGE + (_LAST_CHANGE - _FIRST_CHANGE) * progress)
        keys = np.broadcast_to(self._lifetimes, shape)
        if parents is not None:
            share = _FIRST_SHARE / (1 + (_FIRST_SHARE / _LAST_SHARE - 1) * progress)
            parent = np.arange(_DIVES) % len(parents.keys)
            raised = np.maximum(chance.randint(-_RAISE, _RAISE, _DIVES), 0)
            keys = parents.keys[parent] + raised[:, None] * self._meet[parents.topmost[parent]]
        is_changed = chance.random_sample(shape) < share
        if parents is None:
            is_changed[0] = False
        return np.asarray(keys + is_changed * chance.randint(-change, change + 1, shape), np.int64)

    def dive(self, keys: Ints) -> _Dives:
        """One dive for each row of priorities.

        The state of a buffer is its lowest offset, and in the low bits its rank among those that
        may come next; the least state is the next to be placed.
        """
        rows, bits = np.arange(len(keys)), self._rank_bits
        order = np.lexsort((np.broadcast_to(-self._sizes, keys.shape), -keys), axis=1)
        ranks = np.empty(keys.shape, self._state)
        np.put_along_axis(ranks, order, np.arange(keys.shape[1], dtype=self._state)[None], axis=1)
        state, offsets = ranks.copy(), np.zeros_like(keys)
        is_aligned = bool((self._aligned > 1).any())
        placed_state = np.iinfo(self._state).max
        for _ in range(keys.shape[1]):
            placed = state.argmin(axis=1)
            offset = state[rows, placed] >> bits
            offsets[rows, placed] = offset
            # Where the others of its time may start; 0 for those that do not meet it.
            floor = self._masks[placed]
            end = offset + self._units[placed]
            if is_aligned:
                floor &= end[:, None]
                floor = -(-floor // self._aligned) * self._aligned << bits
            else:
                floor &= (end << bits)[:, None]
            floor |= ranks
            np.maximum(state, floor, out=state)
            state[rows, placed] = placed_state
        return self._dives(keys, offsets * self._unit_bytes)

    def _dives(self, keys: Ints, offsets: Ints) -> _Dives:
        ends = offsets + self._sizes
        arena_bytes = ends.max(axis=1)
        above = np.maximum(ends - self._bound_bytes, 0).sum(axis=1)
        return _Dives(keys, offsets, arena_bytes, ends.argmax(axis=1), arena_bytes * _UNIT + above)
