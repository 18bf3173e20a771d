"""The curve of RAM against time: it falls and rises, and meets the plans that options ask for."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import compile_bytes
from tests.kernels.rows.networks import rows
from tinycc_ml.compiler import curve

MODELS = {"rows": lambda: rows(9, 4), **NETWORKS}


@pytest.mark.parametrize(
    ("name", "board"),
    [("rows", "mps2-an386"), ("rows", "host"), ("digits", "mps2-an386"), ("reshape_only", "host")],
)
def test_the_arena_falls_where_cycles_rise(name, board):
    compilation = compile_bytes(MODELS[name](), name, board=board)
    points = curve(compilation)
    arenas = [point.plan.arena_bytes for point in points]
    cycles = [point.program.cycles for point in points]
    assert arenas == sorted(set(arenas), reverse=True)
    assert cycles[1:] == sorted(set(cycles[1:])) and cycles[0] <= min(cycles)
    assert all(point.plan.lower_bound_bytes <= point.plan.arena_bytes for point in points)


def test_its_ends_are_the_plans_of_the_options():
    model = rows(9, 4)
    smallest = compile_bytes(model, "rows", board="mps2-an386", optimize="ram")
    fastest = compile_bytes(model, "rows", board="mps2-an386", optimize="latency")
    # It tells of the same kernels, whatever was asked for.
    points = curve(smallest)
    assert [point.plan for point in points] == [point.plan for point in curve(fastest)]
    assert len(points) > 2
    assert points[0].plan == fastest.plan and points[0].program == fastest.program
    assert points[-1].plan.arena_bytes <= smallest.plan.arena_bytes
    assert any(call.group for call in points[-1].program.calls)


def test_every_limit_between_two_points_gives_the_smaller_one():
    points = curve(compile_bytes(rows(9, 4), "rows", board="mps2-an386"))
    for before, after in pairwise(points[1:]):
        limit = (before.plan.arena_bytes + after.plan.arena_bytes) // 2
        found = compile_bytes(rows(9, 4), "rows", board="mps2-an386", ram_limit=limit)
        assert found.plan.arena_bytes <= limit
        assert found.program.cycles == after.program.cycles
