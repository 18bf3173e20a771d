"""The search for tight plans: sections, time limits, and problems known to be hard."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings

from tests.memplan.test_memplan_solve import problems
from tests.shared_data import shared_path
from tinycc_ml.memplan import Budget, PlannedBuffer, PlanProblem, lower_bound_bytes, solve
from tinycc_ml.memplan.climb import climb
from tinycc_ml.memplan.first_fit import Placed
from tinycc_ml.memplan.sections import sections_of
from tinycc_ml.memplan.skyline import improve

CAPACITY_BYTES = 1_048_576


def minimalloc(letter: str) -> PlanProblem:
    path = shared_path(f"data/minimalloc/{letter}.1048576.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return PlanProblem(
        tuple(
            PlannedBuffer(r["id"], int(r["size"]), int(r["lower"]), int(r["upper"]) - 1)
            for r in rows
        )
    )


@given(problems())
@settings(max_examples=60, deadline=None)
def test_buffers_meet_in_a_section_exactly_if_they_live_together(problem):
    if not problem.buffers:
        return
    sections = sections_of(problem.buffers)
    members = [set(row.tolist()) - {len(problem.buffers)} for row in sections.members]
    for index, buffer in enumerate(problem.buffers):
        at = [s for s, live in enumerate(members) if index in live]
        assert at == list(range(int(sections.first[index]), int(sections.end[index])))
        for other_index, other in enumerate(problem.buffers):
            meet = any({index, other_index} <= live for live in members)
            assert meet == buffer.lives_with(other)
    # No section is part of another one.
    assert not any(one <= two or two <= one for one, two in pairwise(members))


@pytest.mark.parametrize(
    "search",
    [
        pytest.param(lambda *known: improve(*known, Budget(1_000)), id="skyline"),
        pytest.param(lambda *known: climb(*known, 60), id="climb"),
    ],
)
@given(problem=problems(max_size_bytes=60))
@settings(max_examples=60, deadline=None)
def test_what_it_finds_is_disjoint_aligned_and_smaller(search, problem):
    if not problem.buffers:
        return
    # The worst plan there is: everything on top of each other.
    offsets, end = [], 0
    for buffer in problem.buffers:
        offsets.append(-(-end // buffer.alignment) * buffer.alignment)
        end = offsets[-1] + buffer.size_bytes
    bound = lower_bound_bytes(problem)
    worst = Placed(tuple(offsets), end)
    found = search(problem, worst, bound)
    assert bound <= found.arena_bytes <= end
    tops = [o + b.size_bytes for o, b in zip(found.offsets, problem.buffers, strict=True)]
    assert found.arena_bytes == max(tops)
    for one, buffer in enumerate(problem.buffers):
        assert found.offsets[one] % buffer.alignment == 0
        for two, other in enumerate(problem.buffers[:one]):
            if buffer.lives_with(other):
                assert tops[one] <= found.offsets[two] or tops[two] <= found.offsets[one]


@pytest.mark.parametrize(
    ("letter", "steps"),
    [("A", 9_000), ("B", 9_000), ("H", 9_000)]
    + [pytest.param(letter, 100_000, marks=pytest.mark.slow) for letter in "ABCDEFGHIJK"],
)
def test_hard_problems_come_within_ten_percent(letter, steps):
    plan = solve(minimalloc(letter), Budget(steps))
    assert plan.arena_bytes <= CAPACITY_BYTES * 11 // 10
    assert plan.lower_bound_bytes <= CAPACITY_BYTES


def test_units_and_widths_of_numbers_do_not_change_the_plan():
    # Sizes with a common divisor are counted in it, in 32 bits where that suffices.
    buffers = tuple(
        PlannedBuffer(f"b{i}", 1 + i * 37 % 91, i * 5 % 17, i * 5 % 17 + i % 6) for i in range(40)
    )
    known = Placed((), 1 << 60)
    plan = climb(PlanProblem(buffers), known, 0, 400)
    for factor in (3, 1024, 10**9 + 7):
        scaled = tuple(replace(b, size_bytes=b.size_bytes * factor) for b in buffers)
        found = climb(PlanProblem(scaled), known, 0, 400)
        assert found.offsets == tuple(offset * factor for offset in plan.offsets)
    # One byte more prevents it.
    odd = (*buffers, PlannedBuffer("odd", 10**9 + 7, 30, 30))
    assert climb(PlanProblem(odd), known, 0, 410).arena_bytes == 10**9 + 7


def test_no_steps_and_no_time_leave_the_plan_of_the_fixed_orders():
    problem = minimalloc("A")
    arena_bytes = solve(problem, Budget(0)).arena_bytes
    assert arena_bytes > CAPACITY_BYTES * 11 // 10
    assert solve(problem, Budget(10**9, time_limit_s=0.0)).arena_bytes == arena_bytes
