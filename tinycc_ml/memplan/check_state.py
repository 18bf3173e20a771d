"""An independent check of the state area: replay two inferences in a row, byte by byte.

It shares no code with the planner. Every byte of the area knows which state it holds, and since
which inference; whoever reads a state must find it as the last inference, or the reset, left it,
and whoever reads what has become of it must find that.
"""

from __future__ import annotations

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan.execution import Execution, KeptState, Step
from tinycc_ml.memplan.plan import MemoryPlan, StatePlacement

_INFERENCES = 2


def check_states(execution: Execution, plan: MemoryPlan) -> None:
    """Replays ``execution`` in the state area of ``plan``.

    Raises:
        InternalError: Naming step, state and byte, if a state is misplaced, if a byte is read that
            does not hold what it should, or if an inference leaves a state as it was.
    """
    places = {place.value: place for place in plan.states}
    if len(places) != len(plan.states) or len(places) != len(execution.states):
        raise InternalError("state check: a state has no place, or several")
    for state in execution.states:
        _check_place(state, places.get(state.value), plan)
    _Replay(execution, plan).run()


def _check_place(state: KeptState, place: StatePlacement | None, plan: MemoryPlan) -> None:
    if place is None or place.renewed != state.renewed:
        raise InternalError(f"state check: {state.value} has no place in the plan")
    where = f"state check: {state.value} at byte {place.offset_bytes}"
    if place.size_bytes != state.size_bytes or place.offset_bytes < 0:
        raise InternalError(
            f"{where}: planned with {place.size_bytes} B, needs {state.size_bytes} B"
        )
    if place.offset_bytes % state.alignment or plan.state_alignment % state.alignment:
        raise InternalError(
            f"{where}, area aligned to {plan.state_alignment}: needs alignment {state.alignment}"
        )


class _Replay:
    """The state area while inferences run.

    A byte holds (name of the buffer, number of the inference that wrote it); the reset counts as
    the end of inference -1.
    """

    def __init__(self, execution: Execution, plan: MemoryPlan) -> None:
        self._execution = execution
        self._places = {name: p for p in plan.states for name in (p.value, p.renewed)}
        self._renewed = {state.value: state.renewed for state in execution.states}
        self._area: list[tuple[str, int]] = [("nothing yet", -1)] * plan.state_bytes

    def run(self) -> None:
        for state in self._execution.states:
            self._write(state.renewed, -1)
        for inference in range(_INFERENCES):
            for index, step in enumerate(self._execution.steps):
                self._run_step(index, step, inference)
            for state in self._execution.states:
                self._verify(state.renewed, inference, f"after inference {inference}")

    def _run_step(self, index: int, step: Step, inference: int) -> None:
        when = f"inference {inference}, step {index} ({step.name})"
        for name in step.state_reads:
            # What a state is at first is what the inference before has made of it.
            if name in self._renewed:
                self._verify(self._renewed[name], inference - 1, when)
            else:
                self._verify(name, inference, when)
        for name in step.state_writes:
            self._write(name, inference)

    def _write(self, name: str, inference: int) -> None:
        place = self._places[name]
        self._area[place.offset_bytes : place.end_bytes] = [(name, inference)] * place.size_bytes

    def _verify(self, name: str, inference: int, when: str) -> None:
        place = self._places[name]
        for byte in range(place.offset_bytes, place.end_bytes):
            if self._area[byte] != (name, inference):
                found, since = self._area[byte]
                raise InternalError(
                    f"state check: {when}: byte {byte} of the state area should hold {name} of "
                    f"inference {inference}, but holds {found} of {since}"
                )
