"""The order of layers against brute force over all orders, and on a model with branches."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.end_to_end.golden import MODELS
from tests.end_to_end.projects import build_host, extreme_inputs
from tests.oracle import run_tflm
from tests.shared_data import shared_path
from tinycc_ml.compiler import compile_model
from tinycc_ml.memplan import order_program, plan_program
from tinycc_ml.memplan.order import Task, TaskGraph, best_order, peak_bytes
from tinycc_ml.targets import load_board

BRANCHED = "data/models_synthetic/syn_tf_nas_multibranch_int8.tflite"


def is_valid(graph: TaskGraph, order: tuple[int, ...]) -> bool:
    """Whether every task finds what it reads."""
    full = set(graph.inputs)
    for index in order:
        if not graph.tasks[index].reads <= full:
            return False
        full |= graph.tasks[index].writes
    return sorted(order) == list(range(len(graph.tasks)))


def peak_of(graph: TaskGraph, order: tuple[int, ...]) -> int:
    """From the lifespans of every storage."""
    peak = 0
    for time, index in enumerate(order):
        later = [graph.tasks[i] for i in order[time:]]
        earlier = [graph.tasks[i] for i in order[: time + 1]]
        full = graph.inputs.union(*(task.writes for task in earlier))
        needed = graph.outputs.union(*(task.reads for task in later), graph.tasks[index].writes)
        live = sum(graph.size_bytes[name] for name in full & needed)
        peak = max(peak, live + graph.tasks[index].scratch_bytes)
    return peak


@st.composite
def graphs(draw, most=7) -> TaskGraph:
    """Tasks with one or two outputs that read one to three earlier storages."""
    names, tasks = ["in0", "in1"], []
    for index in range(draw(st.integers(1, most))):
        reads = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
        writes = [f"t{index}_{i}" for i in range(draw(st.sampled_from([1, 1, 1, 2])))]
        tasks.append(Task(frozenset(reads), frozenset(writes), draw(st.integers(0, 9))))
        names += writes
    used = frozenset[str]().union(*(task.reads for task in tasks))
    sizes = {name: draw(st.integers(0, 20)) for name in names}
    outputs = frozenset(name for name in names[2:] if name not in used or draw(st.booleans()))
    # An input that nobody reads would only be there to be placed.
    return TaskGraph(tuple(tasks), sizes, frozenset(names[:2]) & used, outputs)


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_no_order_at_all_is_better(graph):
    order = best_order(graph)
    assert is_valid(graph, order)
    assert peak_bytes(graph, order) == peak_of(graph, order)
    everyone = permutations(range(len(graph.tasks)))
    assert peak_of(graph, order) == min(peak_of(graph, o) for o in everyone if is_valid(graph, o))


@given(graphs(14), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_a_bounded_search_is_never_worse_than_the_given_order(graph, kept):
    given_order = tuple(range(len(graph.tasks)))
    order = best_order(graph, kept)
    assert is_valid(graph, order)
    assert peak_of(graph, order) <= peak_of(graph, given_order)
    if peak_of(graph, order) == peak_of(graph, given_order):
        assert order == given_order


def test_two_branches_are_run_one_after_the_other():
    """Two wide layers first, as in the file, need 20 bytes; one branch at a time 12."""
    tasks = [("x", "a"), ("x", "b"), ("a", "c"), ("b", "d"), ("cd", "y")]
    graph = TaskGraph(
        tuple(Task(frozenset(reads), frozenset(writes)) for reads, writes in tasks),
        {"x": 1, "a": 10, "b": 10, "c": 1, "d": 1, "y": 1},
        frozenset("x"),
        frozenset("y"),
    )
    assert peak_bytes(graph, range(5)) == 21
    assert best_order(graph) == (0, 2, 1, 3, 4)
    assert peak_bytes(graph, best_order(graph)) == 12


@pytest.mark.parametrize("model", MODELS)
def test_chains_stay_as_they_are(model):
    path = shared_path(f"data/models/{model}.tflite")
    compilation = compile_model(path, load_board("host"))
    layers = [call.layer for call in compilation.program.calls]
    assert layers == sorted(layers)


def test_a_model_with_branches_takes_less_and_computes_the_same(tmp_path):
    path = shared_path(BRANCHED)
    compilation = compile_model(path, load_board("host"))
    by_file = sorted(compilation.program.calls, key=lambda call: call.layer)
    program = replace(compilation.program, calls=tuple(by_file))
    ordered = order_program(program, "arena")
    assert ordered == compilation.program
    arenas = [plan_program(p, "arena").arena_bytes for p in (program, ordered)]
    assert arenas == [19_456, 16_384]
    assert [plan_program(p, "arena", overlap=True).arena_bytes for p in (program, ordered)] == [
        15_360,
        12_296,
    ]
    (host,) = build_host([compilation], tmp_path)
    for sample in extreme_inputs(compilation.manifest, 4):
        for found, expected in zip(
            host.run(sample), run_tflm(path.read_bytes(), sample), strict=True
        ):
            np.testing.assert_array_equal(found.reshape(expected.shape), expected)


def test_a_task_waits_for_those_that_it_must_come_after():
    """Who reads a state must do so before another task renews it, though no data flows."""
    renew = Task(frozenset({"x"}), frozenset({"next"}))
    read = Task(frozenset({"state"}), frozenset({"big"}))
    use = Task(frozenset({"big"}), frozenset({"y"}))
    sizes = {"x": 50, "state": 0, "next": 0, "big": 90, "y": 1}
    inputs, outputs = frozenset({"x", "state"}), frozenset({"y"})
    free = TaskGraph((read, use, renew), sizes, inputs, outputs)
    assert best_order(free) == (2, 0, 1)  # x is gone when the large value comes
    tied = replace(free, tasks=(read, use, replace(renew, after=frozenset({0}))))
    assert best_order(tied).index(0) < best_order(tied).index(2)
