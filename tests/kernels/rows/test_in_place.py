"""Values that lie in the storage of the layer behind: only where nothing runs in between."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from tests.end_to_end.projects import compile_bytes
from tests.kernels.rows.networks import rows
from tinycc_ml.compiler import Compilation
from tinycc_ml.kernels.rows import (
    TimedGroup,
    fuse_rows,
    group_inputs,
    held_bytes,
    rows_in_order,
    timed_group,
    values_in_place,
)
from tinycc_ml.loopir import Role
from tinycc_ml.memplan.segments import Segments
from tinycc_ml.targets import features


@cache
def compiled(board: str) -> Compilation:
    return compile_bytes(rows(9, 4), "rows", board=board)


def timed_groups(board: str) -> list[TimedGroup]:
    compilation = compiled(board)
    cores = features(compilation.board)
    segments = Segments(
        compilation.program, compilation.integers, cores, "arena", portable=False
    ).all
    found = [timed_group([c.member for c in s.group], set()) for s in segments if s.group]
    return [each for each in found if not isinstance(each, str)]


@pytest.mark.parametrize("board", ["host", "mps2-an386", "mps3-an547"])
def test_nothing_runs_between_the_two_layers(board):
    used = 0
    for group in timed_groups(board):
        members, timing = group.members, group.timing
        index = {member.output: i for i, member in enumerate(members)}
        order = list(rows_in_order([member.timed() for member in members], timing))
        before = {now: earlier for earlier, now in pairwise(order)}
        for value, target in values_in_place(members, timing).items():
            readers = [i for i, member in enumerate(members) if value in member.inputs]
            assert len(readers) == 1 and index[value] < readers[0] <= index[target]
            for turn in range(members[readers[0]].loops.turns):
                assert before[readers[0], turn] == (index[value], turn)
            used += 1
    assert used


@pytest.mark.parametrize("board", ["host", "mps2-an386"])
def test_they_have_no_ring(board):
    for group in timed_groups(board):
        members, timing = group.members, group.timing
        in_place = values_in_place(members, timing)
        kernel = fuse_rows(members, timing)
        names = {b.name for b in kernel.loops.buffers if b.role is Role.SCRATCH}
        for member in members:
            assert f"ring_{member.label}" not in names or member.output not in in_place
        saved = sum(held_bytes(members, timing, ())) - sum(held_bytes(members, timing, in_place))
        assert (saved > 0) == bool(in_place)


def test_an_output_that_may_lie_over_an_input_is_written_last():
    """Where one of the two layers reads the group's input, its output takes no rows before."""
    for group in timed_groups("mps2-an386"):
        members = group.members
        outside = set(group_inputs(members))
        for value, target in values_in_place(members, group.timing).items():
            producer = next(member for member in members if member.output == value)
            if target == members[-1].output:
                assert outside.isdisjoint(producer.inputs)


def test_only_layers_that_read_before_they_write():
    for group in timed_groups("mps2-an386"):
        members = [
            replace(member, loops=replace(member.loops, in_place=())) for member in group.members
        ]
        assert not values_in_place(members, group.timing)
