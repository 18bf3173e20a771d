"""Which layers run together, row by row: the partition of the order into segments.

The bytes of a segment are what the arena holds while it runs alone. For a limit on them, a
dynamic program finds the segments that stay below it with the fewest estimated cycles. Limits are
only worth trying where some segment has exactly that size. Placing whole plans shows what no
segment alone does (layers of equal size that move down one after another), so the partition is
then improved step by step: segments are joined, split and exchanged for others of the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.kernels import Program
from tinycc_ml.kernels.rows import with_groups
from tinycc_ml.memplan.plan import MemoryPlan
from tinycc_ml.memplan.program_plan import Io, plan_program, quick_bytes
from tinycc_ml.memplan.segments import Segment, Segments, segments_by_range
from tinycc_ml.ops import LayerGraph

#: How much more cycles a balanced plan may take, by estimate.
_BALANCE_PERCENT = 10
#: How many changes a partition may go through.
_ROUNDS = 8
#: Scratch of a segment in the smallest arena, so that it also fits a small fast memory.
_SCRATCH_LIMIT_BYTES = 2560

Partition = tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Streamed:
    """A program with groups, and its plan."""

    program: Program
    plan: MemoryPlan


class Streaming:
    """Row streaming of a program: what it can be grouped into, searched for an aim."""

    def __init__(
        self,
        program: Program,
        graph: LayerGraph,
        features: frozenset[str],
        io: Io,
        *,
        portable: bool,
    ) -> None:
        """The segments are found when they are first asked for.

        Args:
            program: With one call for each layer.
            graph: The network in integers that it computes.
            features: What the core can do.
            io: Whether inputs and outputs lie in the arena.
            portable: Whether only kernels for any core are considered.
        """
        self._cycles = program.cycles
        self._io = io
        self._find = partial(Segments, program, graph, features, io, portable=portable)

    @cached_property
    def _search(self) -> _Search:
        """The search among all segments.

        Raises:
            UnsupportedError: If the input shall be pushed, and no group can take its rows.
        """
        segments = self._find()
        problem = segments.pushing_problem()
        if problem:
            raise UnsupportedError(
                f"--io rows: the input cannot be taken row by row: {problem}; use --io arena or "
                "--io external"
            )
        return _Search(segments, segments.all)

    def fastest(self) -> Streamed:
        """With the fewest estimated cycles: of use where some layers cannot be whole."""
        return self._search.build(self._search.fewest_groups(), self._io)

    def smallest(self) -> Streamed:
        """With the smallest arena found; of equal ones that with fewest activations, then cycles.

        Kernels with much scratch are left out, but where nothing else takes a layer.
        """
        segments = self._search.segments
        little = _Search(segments, _little_scratch(segments.all))
        search = little if little.fewest_groups() else self._search
        return search.build(search.smallest(), self._io)

    def balanced(self) -> Streamed:
        """With the smallest arena found that takes at most 10 % more estimated cycles."""
        most_cycles = self._cycles * (100 + _BALANCE_PERCENT) // 100
        return self._search.build(self._search.balanced(most_cycles), self._io)

    def within(self, limit_bytes: int) -> Streamed:
        """The fastest found whose arena, scratch included, keeps a limit, else the smallest."""
        partition = self._search.fastest(limit_bytes) or self._search.smallest()
        return self._search.build(partition, self._io)


class _Search:
    def __init__(self, segments: Segments, considered: Sequence[Segment]) -> None:
        self.segments = segments
        self.considered = considered
        self.calls = len(segments.program.calls)
        self.by_range = segments_by_range(considered)
        self._cost: dict[tuple[int, ...], tuple[int, int]] = {}

    def build(self, partition: Partition, io: Io) -> Streamed:
        """The program of a partition, and its plan."""
        groups = [segment.group for segment in partition if segment.group]
        program = with_groups(self.segments.program, groups, self.segments.pushed)
        return Streamed(program, plan_program(program, io, overlap=True))

    def smallest(self) -> Partition:
        """The partition with the smallest arena found."""
        best = self.fewest_groups()
        for limit_bytes in sorted({segment.arena_bytes for segment in self.considered}):
            if limit_bytes >= self.cost(best)[0]:
                break
            for costs in (_cycles, _bytes):
                found = self.best_within(limit_bytes, costs)
                if found is not None:
                    best = min(best, found, key=self.rank)
        return self.improved(best)

    def balanced(self, most_cycles: int) -> Partition:
        """The smallest arena found for so many cycles."""
        best = self.fewest_groups()
        for limit_bytes in sorted({segment.arena_bytes for segment in self.considered}):
            if limit_bytes >= self.cost(best)[0]:
                break
            found = self.best_within(limit_bytes, _cycles)
            if found is not None and self.cost(found)[1] <= most_cycles:
                best = min(best, found, key=self.cost)
        return best

    def fewest_groups(self) -> Partition:
        """Every layer with its own kernel, but for those that take pushed rows, or much scratch.

        Empty where the segments that are considered do not make up the program.
        """
        layers = (self.by_range.get((index, index), ()) for index in range(self.calls))
        whole = tuple(segment for layer in layers for segment in layer if not segment.group)
        if len(whole) == self.calls:
            return whole
        return self.best_within(max(s.arena_bytes for s in self.considered), _cycles) or ()

    def fastest(self, limit_bytes: int) -> Partition | None:
        """The partition with the fewest cycles whose arena stays within a limit, as far as found.

        A plan may take more than any of its segments, so tighter limits for those are tried too.
        """
        known: Partition | None = None
        limits = {min(segment.arena_bytes, limit_bytes) for segment in self.considered}
        for segment_bytes in sorted(limits, reverse=True):
            partition = self.best_within(segment_bytes, _cycles)
            if partition is None:
                return None
            if partition != known and self.cost(partition)[0] <= limit_bytes:
                return partition
            known = partition
        return None

    def best_within(self, limit_bytes: int, costs: Callable[[Segment], int]) -> Partition | None:
        """The least sum of costs with every segment within the limit; ``None`` without any."""
        best: list[tuple[int, Partition] | None] = [(0, ())]
        for last in range(self.calls):
            found: tuple[int, Partition] | None = None
            for first in range(last + 1):
                before = best[first]
                for segment in self.by_range.get((first, last), ()) if before else ():
                    if before is None or segment.arena_bytes > limit_bytes:
                        continue
                    total = before[0] + costs(segment)
                    if found is None or total < found[0]:
                        found = total, (*before[1], segment)
            best.append(found)
        return best[-1][1] if best[-1] else None

    def improved(self, partition: Partition) -> Partition:
        """The best of all neighbours, and so on until none is better."""
        for _ in range(_ROUNDS):
            # No plan is smaller than one of its segments.
            most_bytes = self.cost(partition)[0]
            promising = (
                other
                for other in self._neighbours(partition)
                if all(segment.arena_bytes <= most_bytes for segment in other)
            )
            better = min(promising, key=self.rank, default=partition)
            if self.rank(better) >= self.rank(partition):
                break
            partition = better
        return partition

    def rank(self, partition: Partition) -> tuple[int, int, int]:
        """Arena in bytes, activations of them where it is fullest, estimated cycles."""
        arena_bytes, cycles = self.cost(partition)
        full = (s.scratch_bytes for s in partition if s.arena_bytes == arena_bytes)
        return arena_bytes, arena_bytes - min(full, default=0), cycles

    def cost(self, partition: Partition) -> tuple[int, int]:
        """Arena in bytes, estimated cycles."""
        key = tuple(id(segment) for segment in partition)
        if key not in self._cost:
            steps = tuple(segment.step for segment in partition)
            arena_bytes = quick_bytes(self.segments.program, steps, self.segments.inside)
            self._cost[key] = arena_bytes, sum(map(_cycles, partition))
        return self._cost[key]

    def _neighbours(self, partition: Partition) -> Iterator[Partition]:
        for index, segment in enumerate(partition):
            before, after = partition[:index], partition[index + 1 :]
            for other in self.by_range[segment.first, segment.last]:
                if other is not segment:
                    yield (*before, other, *after)
            for middle in range(segment.first, segment.last):
                for parts in self._pairs(segment.first, middle, segment.last):
                    yield (*before, *parts, *after)
            if after:
                for joined in self.by_range.get((segment.first, after[0].last), ()):
                    yield (*before, joined, *after[1:])

    def _pairs(self, first: int, middle: int, last: int) -> Iterator[Sequence[Segment]]:
        for low in self.by_range.get((first, middle), ()):
            for high in self.by_range.get((middle + 1, last), ()):
                yield low, high


def _little_scratch(segments: Sequence[Segment]) -> list[Segment]:
    """The segments within the limit; of a layer without any, that with least."""
    found = [segment for segment in segments if segment.scratch_bytes <= _SCRATCH_LIMIT_BYTES]
    taken = {segment.first for segment in found if segment.first == segment.last}
    for (first, last), others in segments_by_range(segments).items():
        if first == last and first not in taken:
            found.append(min(others, key=lambda segment: segment.scratch_bytes))
    return found


def _cycles(segment: Segment) -> int:
    return segment.cycles


def _bytes(segment: Segment) -> int:
    return segment.arena_bytes
