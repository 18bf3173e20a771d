"""An independent check of a memory plan: replay the execution, byte by byte.

It shares no code with the planner and does not believe its lifespans nor its distances: it follows
who owns each byte of the arena while the steps run, and every read must still find its bytes. Where
an output takes bytes of an input of the same step, the step is replayed turn by turn.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan.check_order import first_lost_byte
from tinycc_ml.memplan.execution import Execution, Step, WriteOrder
from tinycc_ml.memplan.plan import MemoryPlan, Placement

_NOBODY = "nothing yet"


def check_plan(execution: Execution, plan: MemoryPlan) -> None:
    """Replay ``execution`` in the arena of ``plan``.

    Raises:
        InternalError: Naming step, buffer and byte, if a buffer is placed outside the arena, too
            small or misaligned, if a byte is read that does not hold its buffer any more, or if a
            buffer is used outside its stated lifespan.
    """
    placements = {placement.name: placement for placement in plan.placements}
    if len(placements) != len(plan.placements):
        raise InternalError("memory check: a buffer is placed twice")
    for name, size_bytes, alignment in _demands(execution):
        if name not in placements:
            raise InternalError(f"memory check: {name} has no place in the plan")
        _check_place(plan, placements[name], size_bytes, alignment)
    for view, source in execution.views.items():
        if placements[view].offset_bytes != placements[source].offset_bytes:
            raise InternalError(
                f"memory check: view {view} starts at byte {placements[view].offset_bytes}, "
                f"its source {source} at {placements[source].offset_bytes}"
            )
    _check_regions(plan)
    _Replay(execution, plan, placements).run()


def _check_regions(plan: MemoryPlan) -> None:
    """Every buffer lies in one array, and arrays are apart and make up the arena."""
    end = 0
    for region in plan.regions:
        if region.start_bytes != end or region.start_bytes % plan.alignment:
            raise InternalError(
                f"memory check: region {region.name} starts at byte {region.start_bytes} of the "
                f"arena; the one before ends at {end}, the alignment is {plan.alignment}"
            )
        end = region.end_bytes
    if plan.regions and end != plan.arena_bytes:
        raise InternalError(
            f"memory check: regions of {end} B make up an arena of {plan.arena_bytes} B"
        )
    for place in plan.placements if plan.regions else ():
        inside = (
            r.start_bytes <= place.offset_bytes
            for r in plan.regions
            if place.end_bytes <= r.end_bytes
        )
        if not any(inside):
            raise InternalError(
                f"memory check: {place.name} at byte {place.offset_bytes}, {place.size_bytes} B: "
                "lies in no region as a whole"
            )


def _demands(execution: Execution) -> Iterator[tuple[str, int, int]]:
    """Name, size and alignment of everything that needs a place."""
    for name, size_bytes in execution.size_bytes.items():
        yield name, size_bytes, execution.alignments.get(name, 1)
    for step in execution.steps:
        for scratch in step.scratch:
            yield scratch.name, scratch.size_bytes, scratch.alignment


def _check_place(plan: MemoryPlan, place: Placement, size_bytes: int, alignment: int) -> None:
    where = f"memory check: {place.name} at byte {place.offset_bytes}"
    if place.size_bytes != size_bytes:
        raise InternalError(f"{where}: planned with {place.size_bytes} B, needs {size_bytes} B")
    if place.offset_bytes < 0 or place.offset_bytes + size_bytes > plan.arena_bytes:
        raise InternalError(f"{where}, {size_bytes} B: outside the arena of {plan.arena_bytes} B")
    if place.offset_bytes % alignment or plan.alignment % alignment:
        raise InternalError(
            f"{where}, arena aligned to {plan.alignment}: needs alignment {alignment}"
        )


class _Replay:
    """The arena while the steps run; every byte knows whose content it holds."""

    def __init__(
        self, execution: Execution, plan: MemoryPlan, placements: dict[str, Placement]
    ) -> None:
        self._execution = execution
        self._placements = placements
        self._owner = [_NOBODY] * plan.arena_bytes

    def run(self) -> None:
        for name in self._execution.inputs:
            self._claim(name)
        for name in self._execution.inputs:
            self._verify(name, 0, "before step 0")
        for index, step in enumerate(self._execution.steps):
            self._run_step(index, step)
        end = max(len(self._execution.steps) - 1, 0)
        for name in self._execution.outputs:
            self._verify(name, end, "after the last step")

    def _run_step(self, index: int, step: Step) -> None:
        when = f"step {index} ({step.name})"
        scratch_names = tuple(scratch.name for scratch in step.scratch)
        # A step may use its scratch at any time, so it meets neither what is read nor what is
        # written; what is read and written may meet as far as the order of both allows.
        for name in scratch_names:
            self._claim(name)
        for name in step.reads:
            self._verify(name, index, when)
        for name in step.writes:
            self._claim(name)
        for name in step.reads:
            if step.order is None:
                self._verify(name, index, when)
            else:
                self._verify_overwritten(name, step, step.order, when)
        for name in (*step.writes, *scratch_names):
            self._verify(name, index, when)

    def _claim(self, name: str) -> None:
        place = self._placements[name]
        self._owner[place.offset_bytes : place.end_bytes] = [name] * place.size_bytes

    def _verify_overwritten(self, name: str, step: Step, order: WriteOrder, when: str) -> None:
        """Every byte that the output has taken from an input was read before."""
        place, written = self._placements[name], self._placements[step.writes[0]]
        # All of the input was there before the output was claimed, so nobody else took any.
        byte = first_lost_byte(order, place, written)
        if byte is not None:
            raise InternalError(
                f"memory check: {when}: byte {byte} of the arena should hold {name}, "
                f"but holds {written.name}"
            )

    def _verify(self, name: str, index: int, when: str) -> None:
        place = self._placements[name]
        source = name
        for _ in self._execution.views:  # no chain of views is longer, and a circle ends too
            source = self._execution.views.get(source, source)
        owners = self._owner[place.offset_bytes : place.end_bytes]
        # Counting is the fast way to see that all bytes are right.
        if owners.count(source) != place.size_bytes:
            byte = next(b for b, owner in enumerate(owners) if owner != source)
            raise InternalError(
                f"memory check: {when}: byte {place.offset_bytes + byte} of the arena should hold "
                f"{name}, but holds {owners[byte]}"
            )
        if not place.first_step <= index <= place.last_step:
            raise InternalError(
                f"memory check: {when}: {name} is planned for steps {place.first_step} to "
                f"{place.last_step} only (byte {place.offset_bytes})"
            )
