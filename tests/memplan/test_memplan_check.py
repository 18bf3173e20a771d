"""The checker accepts every plan of the planner and catches every planted fault."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan import (
    Execution,
    MemoryPlan,
    Placement,
    Scratch,
    Step,
    check_plan,
    plan_memory,
)

EXECUTION = Execution(
    steps=(
        Step("conv", ("x",), ("a",), (Scratch("im2col", 16, 4),)),
        Step("dw", ("a",), ("b",)),
        Step("add", ("a", "b"), ("c",)),
        Step("fc", ("flat",), ("y",)),
    ),
    size_bytes={"x": 30, "a": 50, "b": 50, "c": 50, "flat": 50, "y": 10},
    inputs=("x",),
    outputs=("y",),
    views={"flat": "c"},
    alignments={"y": 2},
)
# By hand: b above a, c on top, x and the scratch above a, y where a was.
PLAN = MemoryPlan(
    placements=(
        Placement("x", 50, 30, 0, 0),
        Placement("a", 0, 50, 0, 2),
        Placement("b", 50, 50, 1, 2),
        Placement("c", 100, 50, 2, 3),
        Placement("y", 0, 10, 3, 3),
        Placement("im2col", 80, 16, 0, 0),
        Placement("flat", 100, 50, 2, 3, view_of="c"),
    ),
    arena_bytes=150,
    lower_bound_bytes=150,
    alignment=4,
)


def changed(name, **fields):
    """PLAN with other fields in one placement."""
    return replace(
        PLAN,
        placements=tuple(replace(p, **fields) if p.name == name else p for p in PLAN.placements),
    )


def plan_of(execution):
    return plan_memory(
        execution.steps,
        execution.size_bytes,
        inputs=execution.inputs,
        outputs=execution.outputs,
        views=execution.views,
        alignments=execution.alignments,
    )


def test_the_plan_by_hand_passes():
    check_plan(EXECUTION, PLAN)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        # One byte towards a neighbour that lives at the same time, from either side.
        (changed("b", offset_bytes=49), r"step 1 \(dw\): byte 49 .* hold a, but holds b"),
        (changed("a", offset_bytes=1), r"step 0 \(conv\): byte 50 .* hold x, but holds a"),
        # A scratch over its step's input, and over its output.
        (changed("im2col", offset_bytes=76), r"byte 76 .* hold x, but holds im2col"),
        (changed("im2col", offset_bytes=48), r"byte 50 .* hold x, but holds im2col"),
        # Somebody uses the bytes of a tensor that is read once more.
        (changed("b", offset_bytes=0), r"step 1 \(dw\): byte 0 .* hold a, but holds b"),
        (changed("y", offset_bytes=100), r"step 3 \(fc\): byte 100 .* hold flat, but holds y"),
        # Stated lifespans shorter than the uses.
        (changed("a", last_step=1), r"step 2 \(add\): a is planned for steps 0 to 1"),
        (changed("c", first_step=3), r"step 2 \(add\): c is planned for steps 3 to 3"),
        (changed("x", first_step=1, last_step=1), "before step 0: x is planned"),
        (changed("im2col", first_step=1, last_step=1), r"step 0 \(conv\): im2col is planned"),
        # Shape of the plan.
        (changed("c", size_bytes=49), "planned with 49 B, needs 50 B"),
        (changed("c", offset_bytes=101), "outside the arena of 150 B"),
        (changed("y", offset_bytes=-2), "outside the arena"),
        (changed("y", offset_bytes=1), "y at byte 1.*needs alignment 2"),
        (replace(PLAN, alignment=2), "im2col.*needs alignment 4"),
        (changed("flat", offset_bytes=99), "view flat starts at byte 99"),
        (replace(PLAN, placements=PLAN.placements[1:]), "x has no place"),
        (replace(PLAN, placements=PLAN.placements * 2), "placed twice"),
    ],
)
def test_planted_faults_are_caught(plan, message):
    with pytest.raises(InternalError, match=message):
        check_plan(EXECUTION, plan)


def test_a_scratch_grown_over_a_live_tensor_is_caught():
    grown = replace(EXECUTION.steps[0], scratch=(Scratch("im2col", 21, 4),))
    execution = replace(EXECUTION, steps=(grown, *EXECUTION.steps[1:]))
    check_plan(execution, changed("im2col", size_bytes=21))
    with pytest.raises(InternalError, match=r"byte 76 .* hold x, but holds im2col"):
        check_plan(execution, changed("im2col", size_bytes=21, offset_bytes=76))


def test_two_scratches_of_one_step_that_meet_are_caught():
    scratches = (Scratch("im2col", 16, 4), Scratch("sums", 4, 4))
    conv = replace(EXECUTION.steps[0], scratch=scratches)
    execution = replace(EXECUTION, steps=(conv, *EXECUTION.steps[1:]))
    for offset_bytes, message in ((96, None), (92, "byte 92 of the arena should hold im2col")):
        sums = Placement("sums", offset_bytes, 4, 0, 0)
        plan = replace(PLAN, placements=(*PLAN.placements, sums))
        if message is None:
            check_plan(execution, plan)
        else:
            with pytest.raises(InternalError, match=message):
                check_plan(execution, plan)


def test_a_read_before_the_write_is_caught():
    with pytest.raises(InternalError, match=r"step 0 \(add\): byte 0 .* hold a, but holds nothing"):
        check_plan(replace(EXECUTION, steps=EXECUTION.steps[2:]), changed("a", last_step=3))


@st.composite
def executions(draw):
    """A random order of operators with several inputs, scratch and views."""
    size_bytes = {"x0": draw(st.integers(1, 40)), "x1": draw(st.integers(1, 40))}
    alignments, views, steps = {}, {}, []
    for index in range(draw(st.integers(1, 10))):
        names = sorted(size_bytes)
        reads = tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)))
        written = f"t{index}"
        size_bytes[written] = draw(st.integers(1, 40))
        alignments[written] = draw(st.sampled_from([1, 2, 4]))
        scratch = (Scratch(f"s{index}", draw(st.integers(1, 30)), 4),) * draw(st.integers(0, 1))
        steps.append(Step(f"op{index}", reads, (written,), scratch))
        if draw(st.booleans()):
            views[f"v{index}"] = source = draw(st.sampled_from(sorted(size_bytes)))
            size_bytes[f"v{index}"] = draw(st.integers(1, size_bytes[source]))
    outputs = tuple(draw(st.lists(st.sampled_from(sorted(size_bytes)), min_size=1, unique=True)))
    return Execution(tuple(steps), size_bytes, ("x0", "x1"), outputs, views, alignments)


@given(executions())
@settings(max_examples=150, deadline=None)
def test_plans_of_random_executions_pass_and_are_deterministic(execution):
    plan, again = plan_of(execution), plan_of(execution)  # runs the checker
    assert plan == again
    assert plan.render() == again.render()


@given(executions(), st.data())
@settings(max_examples=150, deadline=None)
def test_any_two_live_neighbours_moved_one_byte_into_each_other_are_caught(execution, data):
    # Overwriting what nobody reads is no fault: here somebody reads both inputs, and every view
    # reads all of its storage.
    steps = (Step("load", execution.inputs, ()), *execution.steps)
    size_bytes = dict(execution.size_bytes)
    for view, source in execution.views.items():  # in the order they were made
        size_bytes[view] = size_bytes[source]
    execution = replace(execution, steps=steps, size_bytes=size_bytes, alignments={})
    plan = plan_of(execution)
    owners = [p for p in plan.placements if p.view_of is None and not p.name.startswith("s")]
    touching = [
        (low, high)
        for low in owners
        for high in owners
        if low.offset_bytes + low.size_bytes == high.offset_bytes
        and low.first_step <= high.last_step
        and high.first_step <= low.last_step
    ]
    assume(touching)
    _, high = data.draw(st.sampled_from(touching))
    family = {high.name} | {p.name for p in plan.placements if p.view_of == high.name}
    shifted = tuple(
        replace(p, offset_bytes=p.offset_bytes - 1) if p.name in family else p
        for p in plan.placements
    )
    with pytest.raises(InternalError, match="memory check"):
        check_plan(execution, replace(plan, placements=shifted))
