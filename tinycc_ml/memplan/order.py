"""Step 7: the order of layers whose largest live set is smallest.

What lives between two layers depends on which layers have run, not on their order. So the search
goes over sets of layers that have run (downsets of the graph), one layer more at a time, and keeps
for each set the order with the smallest peak. It is exact as long as no level has more sets than
are kept; beyond, it keeps those with the smallest peaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Sets of layers kept per level. More than any model so far has; bounds time to a few seconds.
KEPT_SETS = 500


@dataclass(frozen=True, slots=True)
class Task:
    """One layer, as its order sees it.

    Args:
        reads: Storage that it reads.
        writes: Storage that it writes; every storage is written by one task at most.
        scratch_bytes: Working memory while it runs.
        after: Indices of tasks that must have run, beside those whose results it reads.
    """

    reads: frozenset[str]
    writes: frozenset[str]
    scratch_bytes: int = 0
    after: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """What is to be ordered.

    Args:
        tasks: In some valid order.
        size_bytes: Per storage.
        inputs: Storage that is full before the first task.
        outputs: Storage that stays until the end.
    """

    tasks: tuple[Task, ...]
    size_bytes: Mapping[str, int]
    inputs: frozenset[str]
    outputs: frozenset[str]


@dataclass(frozen=True, slots=True)
class _State:
    """A set of tasks that have run, as bits, the best order of them, and the tasks ready to run."""

    done: int
    peak_bytes: int
    live_bytes: int
    order: tuple[int, ...]
    ready: int


@dataclass(frozen=True, slots=True)
class _Step:
    """What running a task does: computed once, as a search takes most tasks thousands of times.

    Attributes:
        written_bytes: Of the storage that it writes.
        scratch_bytes: Working memory.
        freed: Size and readers, as bits, of storage that goes when the last of them has run.
        later: Tasks that wait for it, with all that they wait for, as bits.
    """

    written_bytes: int
    scratch_bytes: int
    freed: tuple[tuple[int, int], ...]
    later: tuple[tuple[int, int], ...]


def peak_bytes(graph: TaskGraph, order: Sequence[int]) -> int:
    """The largest live set of an order, without alignment: inputs, outputs and scratch included."""
    search = _Search(graph)
    state = search.start()
    for task in order:
        state = search.step(state, task)
    return state.peak_bytes


def best_order(graph: TaskGraph, kept_sets: int = KEPT_SETS) -> tuple[int, ...]:
    """The order with the smallest peak that was found; the given one unless another is better.

    Args:
        graph: What is to be ordered.
        kept_sets: Sets kept per level; the result is optimal if no level has more.
    """
    search = _Search(graph)
    given = tuple(range(len(graph.tasks)))
    limit_bytes = peak_bytes(graph, given)
    if limit_bytes <= search.least_peak_bytes():
        return given
    level = [search.start()]
    for _ in graph.tasks:
        best: dict[int, _State] = {}
        for state in level:
            for following in search.after(state):
                known = best.get(following.done)
                is_better = known is None or following.peak_bytes < known.peak_bytes
                if following.peak_bytes < limit_bytes and is_better:
                    best[following.done] = following
        level = sorted(best.values(), key=lambda s: (s.peak_bytes, s.live_bytes, s.order))
        level = level[:kept_sets]
    return level[0].order if level else given


class _Search:
    def __init__(self, graph: TaskGraph) -> None:
        self._graph = graph
        writers = {name: i for i, task in enumerate(graph.tasks) for name in task.writes}
        before = [
            sum(1 << i for i in task.after | {writers[n] for n in task.reads if n in writers})
            for task in graph.tasks
        ]
        self._readers = {
            name: sum(1 << i for i, task in enumerate(graph.tasks) if name in task.reads)
            for name in graph.size_bytes
        }
        self._first = sum(1 << i for i, needed in enumerate(before) if not needed)
        self._tasks = [
            _Step(
                sum(graph.size_bytes[name] for name in task.writes),
                task.scratch_bytes,
                tuple(
                    (graph.size_bytes[name], self._readers[name])
                    for name in task.reads | task.writes
                    if name not in graph.outputs
                ),
                tuple((i, needed) for i, needed in enumerate(before) if needed >> index & 1),
            )
            for index, task in enumerate(graph.tasks)
        ]

    def start(self) -> _State:
        """Nothing has run; inputs that nobody reads are gone with the first task."""
        size_bytes = self._graph.size_bytes
        return _State(
            0,
            sum(size_bytes[name] for name in self._graph.inputs),
            sum(size_bytes[name] for name in self._graph.inputs if self._is_kept(name, 0)),
            (),
            self._first,
        )

    def least_peak_bytes(self) -> int:
        """What some task needs by itself, in any order."""
        sizes = self._graph.size_bytes
        return max(
            task.scratch_bytes + sum(sizes[name] for name in task.reads | task.writes)
            for task in self._graph.tasks
        )

    def after(self, state: _State) -> list[_State]:
        """The states after one task more; only one where it can do no harm."""
        following: list[_State] = []
        ready = state.ready
        while ready:
            task = (ready & -ready).bit_length() - 1
            ready &= ready - 1
            found = self.step(state, task)
            # It frees what it takes, at no new peak. Whatever else runs later can run after it.
            if found.live_bytes <= state.live_bytes and found.peak_bytes == state.peak_bytes:
                return [found]
            following.append(found)
        return following

    def step(self, state: _State, index: int) -> _State:
        """The state after a task."""
        task, done = self._tasks[index], state.done | 1 << index
        live_bytes = state.live_bytes + task.written_bytes
        peak_bytes = max(state.peak_bytes, live_bytes + task.scratch_bytes)
        for size_bytes, readers in task.freed:
            if not readers & ~done:
                live_bytes -= size_bytes
        ready = state.ready & ~(1 << index)
        for later, before in task.later:
            if not before & ~done:
                ready |= 1 << later
        return _State(done, peak_bytes, live_bytes, (*state.order, index), ready)

    def _is_kept(self, name: str, done: int) -> bool:
        return name in self._graph.outputs or self._readers[name] & ~done != 0
