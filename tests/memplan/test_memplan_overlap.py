"""Outputs over dying inputs: what is offered, what the bound says, what the checker catches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan import (
    Execution,
    OrderedRead,
    Overlap,
    PlannedBuffer,
    PlanProblem,
    Scratch,
    Step,
    WholePixels,
    WriteOrder,
    check_plan,
    lower_bound_bytes,
    plan_memory,
    plan_problem,
    solve,
)
from tinycc_ml.memplan.separation import Separation, separations
from tinycc_ml.ops import Elementwise, Whole, Window

#: 4x4 pixels of 2 channels, 3x3 SAME: distance (4 + 1 + 1) * 2 = 12.
CONV = Window((4, 4, 2), 4, (3, 3), padding=(1, 1))


def conv(source: str) -> WriteOrder:
    return WriteOrder(16, 2, (OrderedRead(source, CONV, 1),))


def in_place(*sources: str) -> WriteOrder:
    return WriteOrder(32, 1, tuple(OrderedRead(s, Elementwise(1), 1) for s in sources), True)


EXECUTION = Execution(
    steps=(
        Step("conv", ("x",), ("a",), (Scratch("rows", 8, 4),), conv("x")),
        Step("relu", ("a",), ("b",), (), in_place("a")),
        Step("add", ("a", "b"), ("c",), (), in_place("a", "b")),
        Step("softmax", ("flat",), ("y",), (), in_place("flat")),
    ),
    size_bytes=dict.fromkeys(("x", "a", "b", "c", "flat", "y"), 32),
    inputs=("x",),
    outputs=("y",),
    views={"flat": "c"},
)


def plan_of(execution):
    e = execution
    return plan_memory(
        e.steps,
        e.size_bytes,
        inputs=e.inputs,
        outputs=e.outputs,
        views=e.views,
        alignments=e.alignments,
    )


def moved(plan, **offsets):
    """The plan with other offsets, in an arena that is large enough for all."""
    placements = tuple(
        replace(p, offset_bytes=offsets.get(p.view_of or p.name, p.offset_bytes))
        for p in plan.placements
    )
    return replace(plan, placements=placements, arena_bytes=400)


def test_what_is_offered():
    assert set(plan_problem(EXECUTION).overlaps) == {
        Overlap("a", "x", 12),
        Overlap("c", "a", 0),
        Overlap("c", "b", 0),
        Overlap("y", "c", 0),
    }


def test_the_plan_uses_it_and_says_so():
    plan = plan_of(EXECUTION)
    assert plan.arena_bytes == plan.lower_bound_bytes == 64
    assert plan.method == "layer by layer, outputs over dying inputs"
    assert [(s.step, s.written, s.dying) for s in plan.shared][-1] == (3, "y", "c")
    assert "output over dying input" in plan.render()
    assert "    3        0        0       32      1  y over c" in plan.render()
    plain = plan_of(
        replace(EXECUTION, steps=tuple(replace(s, order=None) for s in EXECUTION.steps))
    )
    assert (plain.arena_bytes, plain.shared, plain.method) == (96, (), "layer by layer")


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        # The input is needed later: by a step, by another view of it, by the application.
        ({"steps": (*EXECUTION.steps, Step("end", ("x",), ()))}, {"x"}),
        ({"steps": (*EXECUTION.steps, Step("end", ("flat",), ()))}, {"c"}),
        ({"outputs": ("y", "flat")}, {"c"}),
        ({"outputs": ("y", "b")}, {"b"}),
    ],
)
def test_what_lives_on_is_not_offered(change, gone):
    execution = replace(EXECUTION, **change)
    offered = {o.dying for o in plan_problem(execution).overlaps}
    assert offered == {"x", "a", "b", "c"} - gone
    plan_of(execution)


def only_step(order, reads=("x",), sizes=None, views=None):
    sizes = sizes or {"x": 32, "y": 32}
    return Execution((Step("s", reads, ("y",), (), order),), sizes, ("x",), ("y",), views or {})


@pytest.mark.parametrize(
    "execution",
    [
        only_step(WriteOrder(32, 1, (OrderedRead("x", Whole(), 1),), True)),
        only_step(WriteOrder(32, 1, (), True)),
        only_step(None),
        # As far apart as if they were disjoint.
        only_step(WriteOrder(1, 32, (OrderedRead("x", Elementwise(32), 1),))),
        # One of two reads of the same storage has no order.
        only_step(in_place("x"), ("x", "v"), dict.fromkeys(("x", "v", "y"), 32), views={"v": "x"}),
    ],
)
def test_what_has_no_order_stays_disjoint(execution):
    assert plan_problem(execution).overlaps == ()
    assert plan_of(execution).arena_bytes == 64


def test_a_value_read_twice_takes_the_larger_distance():
    reads = (OrderedRead("x", Elementwise(2), 1), OrderedRead("x", CONV, 1))
    execution = only_step(WriteOrder(16, 2, reads))
    assert plan_problem(execution).overlaps == (Overlap("y", "x", 12),)


# By hand: x 12 bytes above a, the scratch above both; b apart; c over b; y over c.
HAND = {"x": 12, "a": 0, "rows": 48, "b": 64, "c": 64, "y": 64}


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ({}, None),
        ({"c": 0}, None),
        ({"x": 11}, r"step 0 \(conv\): byte 11 .* hold x, but holds a"),
        ({"x": 46, "a": 47, "rows": 200}, r"step 0 \(conv\): byte 47 .* hold x, but holds a"),
        # Bottom-up execution is not what the kernels do: an input below its output is lost.
        ({"y": 65}, r"step 3 \(softmax\): byte 65 .* hold flat, but holds y"),
        ({"b": 40, "c": 41, "y": 41}, r"step 2 \(add\): byte 41 .* hold b, but holds c"),
        # Two directions for one operator: forward over one input, backward over the other.
        ({"b": 32, "c": 20, "y": 20}, r"step 2 \(add\): byte 20 .* hold a, but holds c"),
        # An input that does not die in this step.
        ({"b": 0}, r"step 2 \(add\): byte 0 .* hold a, but holds b"),
        ({"b": 31}, r"step 1 \(relu\): byte 31 .* hold a, but holds b"),
        # Scratch over the input, and over the output.
        ({"rows": 40}, r"step 0 \(conv\): byte 40 .* hold x, but holds rows"),
        ({"x": 200, "rows": 28}, r"step 0 \(conv\): byte 28 .* hold rows, but holds a"),
    ],
)
def test_planted_faults_are_caught(offsets, message):
    plan = moved(plan_of(EXECUTION), **{**HAND, **offsets})
    if message is None:
        check_plan(EXECUTION, plan)
        return
    with pytest.raises(InternalError, match=message):
        check_plan(EXECUTION, plan)


#: One turn over 8 pixels of 4 channels, each channel read before it is written.
PIXELS = WriteOrder(1, 32, (OrderedRead("x", Window((8, 1, 4), 1, (8, 1)), 1),), pixel_bytes=4)
#: Two such turns of 4 pixels each; the second reads the last pixel of the first once more.
BLOCKS = replace(
    PIXELS,
    turns=2,
    turn_bytes=16,
    reads=(OrderedRead("x", Window((8, 1, 4), 1, (6, 1), (4, 1), padding=(1, 0)), 1),),
)


@pytest.mark.parametrize(("order", "least"), [(PIXELS, -32), (BLOCKS, 4)])
def test_outputs_may_lie_whole_pixels_away_from_their_input(order, least):
    execution = only_step(order)
    (overlap,) = plan_problem(execution).overlaps
    assert overlap.pixels == WholePixels(4, least)
    plan = plan_of(execution)
    (shared,) = plan.shared
    assert plan.arena_bytes == plan.lower_bound_bytes == max(32, 32 + least)
    assert (shared.least_bytes, shared.pixel_bytes) == (least, 4)
    for distance in range(-40, 60):
        shifted = moved(plan, x=100 + distance, y=100)
        is_legal = abs(distance) >= 32 or distance >= overlap.forward_bytes
        if is_legal or (distance % 4 == 0 and distance >= least):
            check_plan(execution, shifted)
        else:
            with pytest.raises(InternalError, match=r"byte \d+ .* hold x, but holds y"):
                check_plan(execution, shifted)


def test_two_outputs_have_no_order():
    with pytest.raises(InternalError, match="step split: an order of writes for 2 outputs"):
        Step("split", ("x",), ("y", "z"), (), in_place("x"))
    step = Step("split", ("x",), ("y", "z"))
    execution = Execution(
        (step,), dict.fromkeys(("x", "y", "z"), 32), inputs=("x",), outputs=("y", "z")
    )
    plan = plan_of(execution)
    assert plan.arena_bytes == 96
    with pytest.raises(InternalError, match=r"byte 0 .* hold x, but holds y"):
        check_plan(execution, moved(plan, x=0, y=0, z=64))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (WriteOrder(31, 1, (), True), "31 turns of 1 B write other than its 32 B"),
        (in_place("x"), None),
        (WriteOrder(16, 2, (OrderedRead("x", replace(CONV, in_shape=(4, 4, 1)), 1),)), "order of"),
        (WriteOrder(32, 1, (OrderedRead("x", Elementwise(1), 3),)), "order of reads"),
    ],
)
def test_a_promise_about_other_sizes_is_caught(order, message):
    plan = moved(plan_of(only_step(in_place("x"))), x=0, y=0)
    if message is None:
        check_plan(only_step(order), plan)
        return
    with pytest.raises(InternalError, match=message):
        check_plan(only_step(order), plan)


PAIR = (PlannedBuffer("x", 10, 0, 1), PlannedBuffer("y", 8, 1, 2), PlannedBuffer("z", 4, 1, 1))


@pytest.mark.parametrize(
    "overlaps",
    [
        (Overlap("y", "z", 0), Overlap("y", "w", 0)),
        (Overlap("x", "y", 0),),
        (Overlap("y", "x", 9),),
        (Overlap("y", "x", 0, 11),),
        (Overlap("y", "x", 0), Overlap("z", "x", 0)),
    ],
)
def test_impossible_overlaps_are_refused(overlaps):
    with pytest.raises(InternalError, match="buffer"):
        PlanProblem(PAIR, overlaps)


@st.composite
def problems(draw):
    """Chains with residual inputs and scratch; distances of both signs, sometimes backward."""
    count = draw(st.integers(2, 4))
    sizes = [draw(st.integers(1, 7)) for _ in range(count)]
    lasts = [i + draw(st.sampled_from([1, 1, 1, 2])) for i in range(count)]
    buffers = [
        PlannedBuffer(f"b{i}", sizes[i], i, lasts[i], draw(st.sampled_from([1, 1, 2])))
        for i in range(count)
    ]
    overlaps = []
    for dying, last in enumerate(lasts):
        if last < count and draw(st.integers(0, 3)):
            backward = draw(st.none() | st.integers(-sizes[last], sizes[dying]))
            forward = draw(st.integers(-sizes[dying], sizes[last]))
            least = draw(st.integers(-sizes[dying], forward))
            pixels = draw(st.none() | st.builds(WholePixels, st.integers(1, 4), st.just(least)))
            overlaps.append(Overlap(f"b{last}", f"b{dying}", forward, backward, pixels))
    return PlanProblem(tuple(buffers), tuple(overlaps))


def obeys(separation: Separation, distance_bytes: int) -> bool:
    s = separation
    if distance_bytes <= -s.below_bytes or distance_bytes >= s.above_bytes:
        return True
    if s.gaps is None or distance_bytes % s.gaps.step_bytes:
        return False
    return s.gaps.low_bytes <= distance_bytes <= s.gaps.high_bytes


def exists(problem: PlanProblem, arena_bytes: int) -> bool:
    """Whether any offsets at all fit; by trying them all."""
    rows = separations(problem)

    def place(offsets: tuple[int, ...]) -> bool:
        index = len(offsets)
        if index == len(problem.buffers):
            return True
        buffer = problem.buffers[index]
        return any(
            place((*offsets, offset))
            for offset in range(0, arena_bytes - buffer.size_bytes + 1, buffer.alignment)
            if all(obeys(s, offset - offsets[s.other]) for s in rows[index] if s.other < index)
        )

    return place(())


@given(problems())
@settings(max_examples=400, deadline=None)
def test_the_bound_is_a_bound_and_the_plan_obeys_every_separation(problem):
    bound, plan = lower_bound_bytes(problem), solve(problem)
    assert bound <= plan.arena_bytes
    assert not exists(problem, bound - 1)
    offsets = {p.name: p.offset_bytes for p in plan.placements}
    for buffer, row in zip(problem.buffers, separations(problem), strict=True):
        for s in row:
            assert obeys(s, offsets[buffer.name] - offsets[problem.buffers[s.other].name])


@st.composite
def executions(draw):
    """Random chains of convolutions, elementwise layers and additions, with scratch."""
    sizes, steps = {"t0": 32}, []
    for index in range(draw(st.integers(1, 8))):
        names = sorted(sizes)
        newest, older = f"t{index}", draw(st.sampled_from(names))
        order = {"conv": conv(newest), "relu": in_place(newest), "add": in_place(newest, older)}
        kind = draw(st.sampled_from(sorted(order)))
        reads = tuple(dict.fromkeys((newest, older) if kind == "add" else (newest,)))
        scratch = (Scratch(f"s{index}", draw(st.integers(1, 9)), 4),) * draw(st.integers(0, 1))
        steps.append(Step(kind, reads, (f"t{index + 1}",), scratch, order[kind]))
        sizes[f"t{index + 1}"] = 32
    return Execution(tuple(steps), sizes, ("t0",), (f"t{len(steps)}",))


@given(executions())
@settings(max_examples=200, deadline=None)
def test_random_executions_pass_the_checker_and_a_byte_less_does_not(execution):
    plan = plan_of(execution)  # runs the checker
    tight = [s for s in plan.shared if s.distance_bytes == s.least_bytes]
    for shared in tight:
        place = plan.placement(shared.dying)
        shifted = moved(plan, **{shared.dying: place.offset_bytes - 1})
        with pytest.raises(InternalError, match="memory check"):
            check_plan(execution, shifted)
