"""The state area: places, and the checker that replays two inferences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan import (
    Execution,
    KeptState,
    MemoryPlan,
    StatePlacement,
    Step,
    check_states,
)
from tinycc_ml.memplan.planner import plan_execution
from tinycc_ml.memplan.state import place_states

STATES = (KeptState("h", "h_next", 3), KeptState("c", "c_next", 8, 2), KeptState("r", "r_next", 4))
# An LSTM renews h and c in place; r is read by one step and renewed by a later one.
EXECUTION = Execution(
    steps=(
        Step("lstm", ("x",), ("y",), state_reads=("h", "c"), state_writes=("h_next", "c_next")),
        Step("concat", ("y",), ("z",), state_reads=("r",)),
        Step("assign", ("z",), (), state_writes=("r_next",)),
        Step("peek", (), ("v",), state_reads=("r_next", "h_next")),
    ),
    size_bytes={"x": 4, "y": 3, "z": 7, "v": 1},
    inputs=("x",),
    outputs=("z", "v"),
    states=STATES,
)
PLAN = plan_execution(EXECUTION)


def with_places(*places: StatePlacement) -> MemoryPlan:
    return replace(PLAN, states=places)


def moved(value: str, offset_bytes: int) -> MemoryPlan:
    return with_places(
        *(replace(p, offset_bytes=offset_bytes) if p.value == value else p for p in PLAN.states)
    )


def test_states_lie_one_after_the_other_those_with_alignment_first():
    assert [(p.value, p.offset_bytes) for p in place_states(STATES)] == [
        ("c", 0),
        ("h", 8),
        ("r", 11),
    ]
    assert (PLAN.state_bytes, PLAN.state_alignment) == (15, 2)


def test_no_state_no_area():
    plan = plan_execution(
        replace(
            EXECUTION,
            steps=(Step("s", ("x",), ("z", "v")),),
            states=(),
            size_bytes={"x": 4, "z": 7, "v": 1},
        )
    )
    assert (plan.states, plan.state_bytes) == ((), 0)


def test_the_planned_places_pass():
    check_states(EXECUTION, PLAN)


@pytest.mark.parametrize(
    ("plan", "found"),
    [
        (moved("h", 7), "byte 7 .* should hold h_next .* holds c_next"),
        (moved("r", 10), "byte 10 .* should hold h_next .* holds r_next"),
        (moved("c", 1), "needs alignment 2"),
        (replace(PLAN, state_alignment=1), "needs alignment 2"),
        (moved("h", -1), "planned with"),
        (with_places(*PLAN.states[:2]), "has no place"),
        (with_places(*PLAN.states, PLAN.states[0]), "has no place, or several"),
        (
            with_places(*(replace(p, size_bytes=p.size_bytes - 1) for p in PLAN.states)),
            "planned with",
        ),
    ],
)
def test_misplaced_states_are_caught(plan, found):
    with pytest.raises(InternalError, match=found):
        check_states(EXECUTION, plan)


def test_a_reader_after_the_renewal_is_caught():
    lstm, concat, assign, peek = EXECUTION.steps
    late = replace(EXECUTION, steps=(lstm, assign, concat, peek))
    with pytest.raises(InternalError, match="should hold r_next of inference -1"):
        check_states(late, PLAN)


def test_a_reader_of_the_new_before_the_renewal_is_caught():
    lstm, concat, assign, peek = EXECUTION.steps
    early = replace(EXECUTION, steps=(lstm, concat, peek, assign))
    with pytest.raises(InternalError, match="should hold r_next of inference 0"):
        check_states(early, PLAN)


def test_a_state_that_is_not_renewed_is_caught():
    stale = replace(EXECUTION, steps=EXECUTION.steps[:2])
    with pytest.raises(InternalError, match="after inference 0"):
        check_states(stale, PLAN)
