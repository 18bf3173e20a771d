"""Arenas in several memories: who goes where, and that nothing lies across a border."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan import (
    ArenaRegion,
    Execution,
    MemoryPlan,
    RegionLimit,
    Scratch,
    Step,
    check_plan,
)
from tinycc_ml.memplan.planner import plan_in_regions

# An image of 900 bytes, two small values, and a scratch in the middle.
CHAIN = Execution(
    (
        Step("a", ("image",), ("x",)),
        Step("b", ("x",), ("y",), (Scratch("columns", 120, 4),)),
        Step("c", ("y",), ("z",)),
    ),
    {"image": 900, "x": 300, "y": 300, "z": 10},
    ("image",),
    ("z",),
)
HEAT = {"image": 900, "x": 3000, "y": 600, "z": 10, "columns": 5000}


def planned(fast: int, slow: int, execution: Execution = CHAIN) -> MemoryPlan | None:
    limits = (RegionLimit("FAST", fast), RegionLimit("SLOW", slow))
    return plan_in_regions(execution, limits, HEAT)


def in_fast(plan: MemoryPlan) -> set[str]:
    regions = {p.name: plan.region_of(p.name) for p in plan.placements}
    return {name for name, region in regions.items() if region and region.name == "FAST"}


def test_what_is_used_most_for_its_size_is_in_the_fastest():
    plan = planned(420, 2000)
    assert plan is not None
    assert in_fast(plan) == {"columns", "x", "z"}
    assert [region.name for region in plan.regions] == ["FAST", "SLOW"]
    assert planned(719, 2000) is not None and in_fast(planned(719, 2000)) == {"columns", "x", "z"}
    assert in_fast(planned(720, 2000)) == {"columns", "x", "y", "z"}


def test_a_memory_that_holds_all_is_one_array():
    plan = planned(1200, 2000)
    assert plan is not None and plan.regions == () and plan.arena_bytes == 1200


def test_what_fits_nowhere():
    assert planned(420, 899) is None
    assert planned(100, 1000) is None  # 900 + 300 in the first step


def test_views_lie_with_their_source():
    execution = replace(
        CHAIN,
        steps=(*CHAIN.steps[:2], Step("c", ("seen",), ("z",))),
        size_bytes={**CHAIN.size_bytes, "seen": 300},
        views={"seen": "y"},
    )
    plan = planned(420, 2000, execution)
    assert plan is not None
    assert plan.region_of("seen") == plan.region_of("y")


@given(st.integers(0, 1300), st.integers(0, 1300))
def test_limits_are_kept(fast, slow):
    plan = planned(fast, slow)
    if plan is None:
        assert fast < 1200 and slow < 1200
        return
    limits = {"FAST": fast, "SLOW": slow}
    # Arrays end at a multiple of 8.
    assert all(region.size_bytes <= -(-limits[region.name] // 8) * 8 for region in plan.regions)
    assert plan.arena_bytes >= plan.lower_bound_bytes


def test_the_checker_sees_a_buffer_across_a_border():
    plan = planned(420, 2000)
    assert plan is not None
    low, high = plan.regions
    moved = replace(high, start_bytes=high.start_bytes + 8, size_bytes=high.size_bytes - 8)
    faults = {
        "lies in no region": (replace(low, size_bytes=low.size_bytes + 8), moved),
        "the one before ends": (low, moved),
        "make up an arena": (low, replace(high, size_bytes=high.size_bytes - 8)),
    }
    for message, regions in faults.items():
        with pytest.raises(InternalError, match=message):
            check_plan(CHAIN, replace(plan, regions=regions))
    alone = ArenaRegion("FAST", 0, plan.arena_bytes)
    check_plan(CHAIN, replace(plan, regions=(alone,)))
