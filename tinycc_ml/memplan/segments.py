"""Segments: consecutive layers that run together, as steps of the memory plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tinycc_ml.kernels import Program
from tinycc_ml.kernels.rows import (
    RowLayerChoice,
    block_limits,
    group_access,
    held_bytes,
    input_names,
    longest_group,
    row_choices,
    scratch_bytes,
    timed_group,
    values_in_place,
)
from tinycc_ml.memplan.execution import Execution, Scratch, Step
from tinycc_ml.memplan.lifespan import plan_problem
from tinycc_ml.memplan.portfolio import best_placement
from tinycc_ml.memplan.program_plan import (
    Io,
    program_step,
    pushed_values,
    storage_root,
    values_in_arena,
    write_order,
)
from tinycc_ml.memplan.skyline import Budget
from tinycc_ml.ops import LayerGraph

#: Larger blocks are only tried if they save so much of a group's cycles.
_WORTH_PERCENT = 2


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive layers that run together.

    Attributes:
        first: Index of the first call.
        last: Index of the last call.
        step: What the memory plan sees.
        arena_bytes: What lies in the arena while it runs, each segment placed by itself.
        cycles: Estimated.
        scratch_bytes: Of that what holds no activations.
        group: The layers that run row by row; empty where it is one layer, whole.
    """

    first: int
    last: int
    step: Step = field(compare=False)
    arena_bytes: int
    cycles: int
    scratch_bytes: int
    group: tuple[RowLayerChoice, ...] = field(compare=False)


class Segments:
    """All segments of a program.

    Args:
        program: With one call for each layer.
        graph: The network in integers that it computes.
        features: What the core can do.
        io: Whether inputs and outputs lie in the arena.
        portable: Whether only kernels for any core are considered.
    """

    def __init__(
        self,
        program: Program,
        graph: LayerGraph,
        features: frozenset[str],
        io: Io,
        *,
        portable: bool,
    ) -> None:
        self.program = program
        self.inside = values_in_arena(program, io)
        self.pushed = pushed_values(program, io)
        # Calls that read the pushed input: it passes by once, so that one group takes them all.
        self._readers = [
            i for i, call in enumerate(program.calls) if not self.pushed.isdisjoint(call.inputs)
        ]
        layers = {layer.name: layer for layer in graph.layers}
        self._choices = [
            row_choices(
                layers[call.layer],
                features,
                program.functions[call.function].definition,
                portable=portable,
            )
            if all(name in program.types for name in call.inputs)
            else ()
            for call in program.calls
        ]
        self._born, self._dies = self._lifespans()
        # Values that have to be whole: others hold them too, or the application reads them.
        self._whole = {name for pair in program.aliases for name in pair} | {*program.outputs}
        self.all = tuple(self._segments())

    def _lifespans(self) -> tuple[dict[str, int], dict[str, int]]:
        """First and last call that needs the storage of a value, by its root."""
        born = {self._root(name): -1 for name in self.program.inputs}
        dies = dict(born)
        for index, call in enumerate(self.program.calls):
            for name in call.inputs:
                if name in self.program.types:
                    dies[self._root(name)] = index
            for name in call.outputs:
                born[self._root(name)] = dies[self._root(name)] = index
        for name in self.program.outputs:
            dies[self._root(name)] = len(self.program.calls)
        return born, dies

    def _root(self, name: str) -> str:
        return storage_root(self.program, name)

    def _segments(self) -> Iterator[Segment]:
        for index, choices in enumerate(self._choices):
            if index not in self._readers:
                yield self._layer(index)
            for choice in choices:
                segment = self._group(index, index, (choice.alone(),))
                if segment is not None:
                    yield segment
        for last in range(len(self.program.calls)):
            start = self._first_in_group(last)
            choices_before = self._choices[start : last + 1]
            groups = [longest_group(choices_before, n) for n in block_limits(choices_before)]
            for first in range(last - 1, start - 1, -1):
                ends = [g[first - last - 1 :] for g in groups if len(g) > last - first]
                found = [self._group(first, last, group) for group in _distinct(ends)]
                yield from _useful([segment for segment in found if segment is not None])

    def _first_in_group(self, last: int) -> int:
        """The first layer that a group up to a given one can have: what is inside is read there."""
        first = last
        while first > 0:
            outputs = self.program.calls[first - 1].outputs
            if any(name in self._whole or self._dies[name] > last for name in outputs):
                break
            first -= 1
        return first

    def pushing_problem(self) -> str | None:
        """Why no group takes a pushed input; ``None`` if one does, or nothing is pushed."""
        program = self.program
        if not self.pushed:
            return None
        if len(program.inputs) != 1:
            return f"the model has {len(program.inputs)} inputs, allowed is 1"
        if not self.pushed.isdisjoint(program.outputs):
            return "it is an output, too"
        if any(segment.first == 0 and segment.group for segment in self.all):
            return None
        readers = self._readers
        for index in range(readers[-1] + 1):
            choices = self._choices[index]
            layer = program.calls[index].layer
            if not choices:
                return f"{layer} has no rows"
            if choices[0].loops.is_sum and index < readers[-1]:
                return f"{program.calls[readers[-1]].layer} reads it after {layer} is done"
        members = [choices[0].member for choices in self._choices[: readers[-1] + 1]]
        timed = timed_group(members, self.pushed)
        return timed if isinstance(timed, str) else "a value between the layers is read later"

    def _layer(self, index: int) -> Segment:
        """A layer with its own kernel."""
        call = self.program.calls[index]
        step = program_step(self.program, call, self.inside, overlap=True)
        arena_bytes = self._bytes(step, index, index)
        return Segment(index, index, step, arena_bytes, call.cycles, call.scratch_bytes, ())

    def _group(self, first: int, last: int, group: tuple[RowLayerChoice, ...]) -> Segment | None:
        """A group as a segment; ``None`` where its layers cannot run together."""
        if len({first <= reader <= last for reader in self._readers}) > 1:
            return None
        timed = timed_group([choice.member for choice in group], self.pushed)
        if isinstance(timed, str):
            return None
        members, timing = timed.members, timed.timing
        values = input_names(members)
        types = {name: self.program.types[name] for name in self.inside}
        output = members[-1].output
        roles = {role: value for value, role in values.items()}
        access = group_access(members, timing)
        scratch = scratch_bytes(members)
        held = held_bytes(members, timing, values_in_place(members, timing))
        sizes = (*held, *scratch)
        name = f"{group[0].layer.name}..{members[-1].layer}"
        step = Step(
            name,
            tuple(value for value in values if value in self.inside),
            (output,) if output in self.inside else (),
            tuple(Scratch(f"{name}_{i}", size, 4) for i, size in enumerate(sizes)),
            write_order(access, roles, types, types[output]) if output in self.inside else None,
        )
        cycles = sum(choice.cycles for choice in group)
        arena_bytes = self._bytes(step, first, last)
        return Segment(first, last, step, arena_bytes, cycles, sum(scratch), group)

    def _bytes(self, step: Step, first: int, last: int) -> int:
        """What lies in the arena while a segment runs: it alone in place, and what is around."""
        types = self.program.types
        read = tuple(dict.fromkeys(self._root(name) for name in step.reads))
        names = {*read, *step.reads, *step.writes}
        execution = Execution(
            (step,),
            {name: types[name].size_bytes for name in types if name in names},
            read,
            (*step.writes, *(name for name in read if self._dies[name] > last)),
            {name: self._root(name) for name in step.reads if self._root(name) != name},
            {name: types[name].dtype.size_bytes for name in names},
        )
        placed = best_placement(plan_problem(execution), 0, Budget(0))
        return self._around(step, first, last) + placed.arena_bytes

    def _around(self, step: Step, first: int, last: int) -> int:
        """Bytes that live while a segment runs and are none of its business."""
        touched = {self._root(name) for name in (*step.reads, *step.writes)}
        return sum(
            self.program.types[name].size_bytes
            for name, born in self._born.items()
            if name in self.inside - touched and born < first and self._dies[name] > last
        )


def _distinct(groups: Sequence[Sequence[RowLayerChoice]]) -> list[tuple[RowLayerChoice, ...]]:
    """Groups of the same layers, each with clearly fewer cycles than those before it."""
    found: list[tuple[RowLayerChoice, ...]] = []
    least_cycles: float = float("inf")
    for group in groups:
        cycles = sum(choice.cycles for choice in group)
        if cycles < least_cycles * (100 - _WORTH_PERCENT) / 100:
            found.append(tuple(group))
            least_cycles = cycles
    return found


def _useful(segments: Sequence[Segment]) -> list[Segment]:
    """The segments of one range that no other one betters in bytes and cycles."""
    found: list[Segment] = []
    for segment in sorted(segments, key=lambda s: (s.arena_bytes, s.cycles)):
        if not found or segment.cycles < found[-1].cycles:
            found.append(segment)
    return found


def segments_by_range(segments: Sequence[Segment]) -> dict[tuple[int, int], list[Segment]]:
    """The segments by their first and last call."""
    found: dict[tuple[int, int], list[Segment]] = {}
    for segment in segments:
        found.setdefault((segment.first, segment.last), []).append(segment)
    return found
