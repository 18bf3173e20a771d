"""From execution order to lifespans, and what is refused."""

from __future__ import annotations

import pytest

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan import (
    Execution,
    PlannedBuffer,
    PlanProblem,
    Scratch,
    Step,
    plan_memory,
    plan_problem,
)


def make(steps, sizes, inputs=("x",), outputs=("y",), views=None, alignments=None):
    return Execution(tuple(steps), sizes, inputs, outputs, views or {}, alignments or {})


def test_lifespans_of_a_residual_block():
    execution = make(
        [
            Step("conv", ("x",), ("a",), (Scratch("conv.im2col", 40, 4),)),
            Step("dw", ("a",), ("b",)),
            Step("add", ("a", "b"), ("y",)),
        ],
        {"x": 10, "a": 20, "b": 30, "y": 40},
        alignments={"b": 8},
    )
    assert plan_problem(execution) == PlanProblem(
        (
            PlannedBuffer("x", 10, 0, 0),
            PlannedBuffer("a", 20, 0, 2),
            PlannedBuffer("b", 30, 1, 2, 8),
            PlannedBuffer("y", 40, 2, 2),
            PlannedBuffer("conv.im2col", 40, 0, 0, 4),
        )
    )


def test_inputs_wait_and_outputs_stay():
    execution = make(
        [Step("0", ("x",), ("y",)), Step("1", ("x",), ("a",)), Step("2", ("a", "late"), ("b",))],
        dict.fromkeys(("x", "y", "a", "b", "late"), 4),
        inputs=("x", "late"),
        outputs=("y", "b"),
    )
    spans = {b.name: (b.first_step, b.last_step) for b in plan_problem(execution).buffers}
    assert spans == {"x": (0, 1), "late": (0, 2), "y": (0, 2), "a": (1, 2), "b": (2, 2)}


def test_a_buffer_nobody_reads_lives_for_its_step():
    execution = make(
        [Step("split", ("x",), ("y", "dead")), Step("end", ("y",), ("z",))],
        dict.fromkeys(("x", "y", "dead", "z"), 4),
        outputs=("z",),
    )
    spans = {b.name: (b.first_step, b.last_step) for b in plan_problem(execution).buffers}
    assert spans["dead"] == (0, 0)


def test_a_view_prolongs_its_storage_and_raises_its_alignment():
    execution = make(
        [Step("pool", ("x",), ("a",)), Step("nop", ("a",), ()), Step("fc", ("flatter",), ("y",))],
        {"x": 4, "a": 6, "flat": 6, "flatter": 6, "y": 1},
        views={"flatter": "flat", "flat": "a"},
        alignments={"flatter": 4},
    )
    assert PlannedBuffer("a", 6, 0, 2, 4) in plan_problem(execution).buffers


def test_plan_places_views_with_their_storage():
    plan = plan_memory(
        [Step("pool", ("x",), ("a",)), Step("fc", ("flat",), ("y",))],
        {"x": 4, "a": 6, "flat": 6, "y": 1, "y2": 1},
        inputs=("x",),
        outputs=("y2",),
        views={"flat": "a", "y2": "y"},
    )
    flat, a = plan.placement("flat"), plan.placement("a")
    assert (flat.offset_bytes, flat.view_of) == (a.offset_bytes, "a")
    assert (flat.first_step, flat.last_step) == (a.first_step, a.last_step) == (0, 1)
    assert plan.arena_bytes == plan.lower_bound_bytes == 10
    with pytest.raises(KeyError):
        plan.placement("unknown")


def test_an_input_that_is_an_output_and_no_steps_at_all():
    plan = plan_memory([], {"x": 7, "y": 7}, inputs=("x",), outputs=("y",), views={"y": "x"})
    assert plan.arena_bytes == 7


SIZES = {"x": 4, "y": 4, "a": 4}
COPY = Step("copy", ("x",), ("y",))
TO_A = Step("to_a", ("x",), ("a",))


@pytest.mark.parametrize(
    ("execution", "message"),
    [
        (make([Step("s", ("a",), ("y",)), TO_A], SIZES), r"step 0 \(s\) reads a before"),
        (make([COPY, TO_A, TO_A], SIZES), r"step 2 \(to_a\) writes a a second"),
        (make([COPY], SIZES), "never written: a"),
        (make([TO_A], SIZES), "the end reads y before"),
        (make([COPY, Step("s", ("q",), ("a",))], SIZES), "reads q, whose size"),
        (make([COPY, Step("s", ("x",), ("q",))], SIZES), "writes q, whose size"),
        (make([COPY, Step("s", ("y",), ("a",))], SIZES, views={"a": "y"}), "a view of y"),
        (make([COPY], SIZES, views={"a": "q"}), "a -> q: no size"),
        (make([COPY], SIZES, views={"a": "y", "y": "a"}), "circle"),
        (make([COPY], {**SIZES, "a": 5}, views={"a": "y"}), "view a has 5 B"),
        (
            make([COPY, Step("s", ("x",), ("a",), (Scratch("y", 1),))], SIZES),
            "buffer y: named twice",
        ),
    ],
)
def test_contradictions_are_refused(execution, message):
    with pytest.raises(InternalError, match=message):
        plan_problem(execution)
