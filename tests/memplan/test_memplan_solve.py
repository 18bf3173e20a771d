"""Properties of the planner on random problems, against brute force."""

from __future__ import annotations

import random
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan import Budget, PlannedBuffer, PlanProblem, lower_bound_bytes, solve
from tinycc_ml.memplan.first_fit import Placed, Stuck, first_fit
from tinycc_ml.memplan.separation import Separation


@st.composite
def problems(draw, max_buffers=24, max_size_bytes=4000, max_steps=20):
    count = draw(st.integers(0, max_buffers))
    buffers = []
    for index in range(count):
        first, last = sorted(draw(st.tuples(*[st.integers(0, max_steps - 1)] * 2)))
        size_bytes = draw(st.integers(1, max_size_bytes))
        alignment = draw(st.sampled_from([1, 1, 2, 4, 16]))
        buffers.append(PlannedBuffer(f"b{index}", size_bytes, first, last, alignment))
    return PlanProblem(tuple(buffers))


def bytes_held(placement):
    """Every (step, byte) that a placement takes."""
    return {
        (step, byte)
        for step in range(placement.first_step, placement.last_step + 1)
        for byte in range(placement.offset_bytes, placement.offset_bytes + placement.size_bytes)
    }


def optimum_bytes(problem):
    """Exhaustive: an optimal plan's own offset order, placed greedily, is optimal."""
    best = None
    for order in permutations(problem.buffers):
        taken, arena_bytes = set(), 0
        for buffer in order:
            steps = range(buffer.first_step, buffer.last_step + 1)
            offset = 0
            while any(
                (step, byte) in taken
                for step in steps
                for byte in range(offset, offset + buffer.size_bytes)
            ):
                offset += buffer.alignment
            end = offset + buffer.size_bytes
            taken |= {(step, byte) for step in steps for byte in range(offset, end)}
            arena_bytes = max(arena_bytes, end)
        best = arena_bytes if best is None else min(best, arena_bytes)
    return best


@given(problems(max_size_bytes=60))
@settings(max_examples=150, deadline=None)
def test_no_two_live_buffers_share_a_byte(problem):
    plan = solve(problem, Budget(300))
    for one, other in combinations(plan.placements, 2):
        assert not bytes_held(one) & bytes_held(other)


@given(problems())
@settings(max_examples=150, deadline=None)
def test_plan_is_inside_its_arena_aligned_and_above_the_bound(problem):
    plan = solve(problem, Budget(300))
    ends = [p.offset_bytes + p.size_bytes for p in plan.placements]
    assert plan.arena_bytes == max(ends, default=0)
    assert plan.gap_bytes == plan.arena_bytes - plan.lower_bound_bytes >= 0
    for buffer, placement in zip(problem.buffers, plan.placements, strict=True):
        assert (buffer.name, buffer.size_bytes) == (placement.name, placement.size_bytes)
        assert (buffer.first_step, buffer.last_step) == (placement.first_step, placement.last_step)
        assert placement.offset_bytes >= 0
        assert placement.offset_bytes % buffer.alignment == 0
        assert plan.alignment % buffer.alignment == 0


@given(problems(max_buffers=5, max_size_bytes=9, max_steps=6))
@settings(max_examples=150, deadline=None)
def test_small_problems_are_never_below_the_exhaustive_optimum(problem):
    best = optimum_bytes(problem) or 0
    assert lower_bound_bytes(problem) <= best <= solve(problem).arena_bytes


def test_small_problems_reach_the_exhaustive_optimum_nearly_always():
    chance = random.Random(7)
    excess_bytes = []
    for _ in range(200):
        buffers = []
        for index in range(chance.choice([5, 5, 5, 6])):
            first, last = sorted((chance.randrange(6), chance.randrange(6)))
            alignment = chance.choice([1, 1, 2, 4])
            buffers.append(
                PlannedBuffer(f"b{index}", chance.randrange(1, 10), first, last, alignment)
            )
        problem = PlanProblem(tuple(buffers))
        excess_bytes.append(solve(problem).arena_bytes - optimum_bytes(problem))
    assert min(excess_bytes) >= 0
    # It is a search, not a proof.
    assert sum(excess > 0 for excess in excess_bytes) <= 2


@given(problems(), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_the_same_problem_gives_the_same_plan(problem, steps):
    budget = Budget(steps)
    assert solve(problem, budget) == solve(PlanProblem(problem.buffers), budget)


def test_more_steps_find_smaller_plans():
    buffers = tuple(
        PlannedBuffer(f"b{i}", 10 + i * 37 % 91, i * 5 % 17, i * 5 % 17 + i % 6) for i in range(40)
    )
    arenas = [solve(PlanProblem(buffers), Budget(n)).arena_bytes for n in (0, 400, 4_000, 20_000)]
    assert arenas == sorted(arenas, reverse=True)


def test_empty_problem():
    plan = solve(PlanProblem(()))
    assert (plan.arena_bytes, plan.lower_bound_bytes, plan.alignment) == (0, 0, 1)


def test_bound_counts_padding_between_buffers_but_not_above_the_topmost():
    three = tuple(PlannedBuffer(f"b{i}", 5, 0, 0, 4) for i in range(3))
    assert lower_bound_bytes(PlanProblem(three)) == 8 + 8 + 5


def test_bound_lets_small_buffers_use_the_padding_of_large_ones():
    buffers = (
        PlannedBuffer("a", 5, 0, 0, 16),
        PlannedBuffer("b", 16, 0, 0, 16),
        PlannedBuffer("c", 11, 0, 0, 1),
    )
    assert lower_bound_bytes(PlanProblem(buffers)) == 32 == solve(PlanProblem(buffers)).arena_bytes


@pytest.mark.parametrize(
    "fields",
    [("x", 0, 0, 0), ("x", 1, 2, 1), ("x", 1, -1, 0), ("x", 1, 0, 0, 3), ("x", 1, 0, 0, 0)],
)
def test_a_buffer_out_of_range_is_refused(fields):
    with pytest.raises(InternalError, match="buffer x"):
        PlannedBuffer(*fields)


def test_a_name_used_twice_is_refused():
    with pytest.raises(InternalError, match="twice"):
        PlanProblem((PlannedBuffer("x", 1, 0, 0), PlannedBuffer("x", 1, 1, 1)))


PAIR = (PlannedBuffer("in", 10, 0, 1), PlannedBuffer("out", 8, 1, 2))


def test_first_fit_says_which_buffer_breaks_the_limit():
    rows = ((Separation(1, 10, 8),), (Separation(0, 8, 10),))
    assert first_fit(PAIR, rows, (0, 1), limit_bytes=17) == Stuck(buffer=1)
    assert first_fit(PAIR, rows, (0, 1), limit_bytes=18) == Placed((0, 10), 18)


def test_first_fit_obeys_any_distance_not_only_disjointness():
    # A forward overlap: offset[in] >= offset[out] + 2, else disjoint.
    rows = ((Separation(1, 10, 2),), (Separation(0, 2, 10),))
    assert first_fit(PAIR, rows, (1, 0)) == Placed((2, 0), 12)
