"""Schedules: the same result after any legal one; printing and storing."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loopir.random_kernels import conv_kernel, random_arrays, random_kernel
from tests.schedule.random_schedules import random_schedule
from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import LoopKernel, run_kernel
from tinycc_ml.schedule import (
    Fuse,
    Reorder,
    Schedule,
    Split,
    Unroll,
    apply_schedule,
    format_schedule,
    schedule_from_json,
    schedule_to_json,
)

EXAMPLE: Schedule = (
    Split("oc", 4),
    Split("ox", 2, "tile", "pixel", tail=True),
    Reorder(("oc_o", "ox")),
    Fuse("a", "b", "c"),
    Unroll("oc_i"),
)


def outputs(kernel: LoopKernel, seed: int) -> dict[str, bytes]:
    arrays = random_arrays(kernel, seed)
    run_kernel(kernel, arrays)
    return {name: array.tobytes() for name, array in arrays.items()}


@settings(max_examples=150)
@given(st.randoms(use_true_random=False), st.integers(0, 99))
def test_same_result(r: Random, seed: int) -> None:
    before = random_kernel(r)
    schedule, after, _ = random_schedule(r, before)
    assert outputs(before, seed) == outputs(after, seed)
    assert apply_schedule(before, schedule) == after


def test_random_schedules_are_worth_their_name() -> None:
    """The property above means nothing if few steps are legal."""
    applied: Counter[str] = Counter()
    refused = 0
    for seed in range(150):
        r = Random(seed)
        schedule, _, refusals = random_schedule(r, random_kernel(r))
        applied.update(step.name for step in schedule)
        refused += len(refusals)
    assert min(applied[name] for name in ("split", "reorder", "unroll")) > 25
    assert applied["fuse"] > 3
    assert refused > 25


def test_a_tile_of_a_convolution() -> None:
    """Tiles of pixels and filters with sums in the inner loops: what micro-kernels start from."""
    schedule = (
        Split("ox", 2),
        Split("oc", 2),
        Reorder(("oc_o", "ox_o", "ox_i", "oc_i")),
        Reorder(("ic", "ky", "kx")),
        Unroll("oc_i"),
    )
    for seed in range(30):
        before = conv_kernel(Random(seed))
        extents = {buffer.name: buffer.shape for buffer in before.buffers}["output"]
        if min(extents[2:]) < 2:
            continue
        assert outputs(before, seed) == outputs(apply_schedule(before, schedule), seed)


def test_prints() -> None:
    assert format_schedule(EXAMPLE) == (
        "split(oc, 4) split(ox, 2, tile, pixel, tail) reorder(oc_o, ox) fuse(a, b, c) unroll(oc_i)"
    )
    assert format_schedule(()) == "as lowered"


def test_is_stored_as_json() -> None:
    text = json.dumps(schedule_to_json(EXAMPLE))
    assert schedule_from_json(json.loads(text)) == EXAMPLE


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "a schedule is a list of steps, not dict"),
        ([1], "a step is an object with a name in 'step', not 1"),
        ([{"loop": "x"}], "a step is an object"),
        ([{"step": "vectorise"}], "no step 'vectorise'; steps are fuse, reorder, split, unroll"),
        ([{"step": "unroll"}], "unroll has no fields; needed loop"),
        ([{"step": "unroll", "loop": "x", "by": 2}], "unroll has loop, by; needed loop"),
        ([{"step": "unroll", "loop": 1}], "unroll, loop is 1"),
        ([{"step": "reorder", "loops": "xy"}], "reorder, loops is 'xy'"),
        ([{"step": "reorder", "loops": ["x", 1]}], r"reorder, loops is \['x', 1\]"),
        (
            [
                {
                    "step": "split",
                    "loop": "x",
                    "factor": True,
                    "outer": "",
                    "inner": "",
                    "tail": False,
                }
            ],
            "split, factor is True",
        ),
    ],
)
def test_refuses_bad_json(data: object, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        schedule_from_json(data)
