"""Resource variables: streaming models against TensorFlow Lite Micro, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.end_to_end.projects import OPTIONS, build_host, compile_bytes, options_name
from tests.oracle import run_tflm_sequence
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.ops import evaluate, integerize, next_states

Q: dict[str, Any] = {"scale": 0.05, "zero_point": 3}
FRAMES, WIDTH = 3, 4


def handle(b: ModelBuilder, name: str) -> int:
    tensor = b.tensor(f"{name}_handle", (1,), "resource")
    b.operator("VAR_HANDLE", [], [tensor], shared_name=name, container="")
    return tensor


def read(b: ModelBuilder, variable: int, shape: tuple[int, ...], name: str = "old") -> int:
    tensor = b.tensor(name, shape, "int8", **Q)
    b.operator("READ_VARIABLE", [variable], [tensor])
    return tensor


def streaming(*, initial: bool = False, assigned: bool = True, shape: int = FRAMES) -> ModelBuilder:
    """The last frames and a new one, of which the oldest is forgotten; and a sum of them all.

    The variable is read a second time after it was assigned.
    """
    b = ModelBuilder()
    x = b.input("x", (1, 1, WIDTH), "int8", **Q)
    if initial:
        b.operator("CALL_ONCE", [], [], init_subgraph_index=1)
        once = b.another()
        first = np.arange(FRAMES * WIDTH, dtype=np.int8).reshape(1, FRAMES, WIDTH)
        value = once.constant("first", first, *Q.values())
        once.operator("ASSIGN_VARIABLE", [handle(once, "frames"), value], [])
    frames = handle(b, "frames")
    old = read(b, frames, (1, FRAMES, WIDTH))
    joined = b.tensor("joined", (1, FRAMES + 1, WIDTH), "int8", **Q)
    b.operator("CONCATENATION", [old, x], [joined], axis=1)
    begin = b.constant("begin", np.array([0, 1, 0], np.int32))
    size = b.constant("size", np.array([1, shape, WIDTH], np.int32))
    kept = b.tensor("kept", (1, shape, WIDTH), "int8", **Q)
    b.operator("SLICE", [joined, begin, size], [kept])
    if assigned:
        b.operator("ASSIGN_VARIABLE", [frames, kept], [])
    again = read(b, frames, (1, shape, WIDTH), "again") if assigned else kept
    y = b.tensor("y", (1, WIDTH), "int8", 0.07, -2)
    axes = b.constant("axes", np.array([1], np.int32))
    b.operator("MEAN", [again, axes], [y])
    z = b.tensor("z", (1, WIDTH), "int8", 0.06, 1)
    b.operator("MEAN", [old, axes], [z])
    b.output(y, z)
    return b


def samples(count: int = 5) -> list[list[np.ndarray]]:
    rng = np.random.default_rng(3)
    return [[rng.integers(-128, 128, (1, 1, WIDTH)).astype(np.int8)] for _ in range(count)]


@pytest.mark.parametrize("initial", [False, True])
def test_sequences_are_those_of_tensorflow_lite_micro(initial):
    data = streaming(initial=initial).build()
    graph = integerize(import_tflite_bytes(data, "case.tflite"))
    assert len(graph.states) == 1
    states = None
    for inputs, theirs in zip(samples(), run_tflm_sequence(data, samples()), strict=True):
        values = evaluate(graph, inputs, states)
        states = next_states(graph, values)
        for name, expected in zip(graph.outputs, theirs, strict=True):
            np.testing.assert_array_equal(values[name], expected)


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("optimize", ["latency", "ram"])
def test_generated_code(options, optimize, tmp_path):
    data = streaming(initial=True).build()
    compilation = compile_bytes(data, "streaming", options, optimize=optimize)
    assert compilation.manifest.state_bytes == FRAMES * WIDTH
    (model,) = build_host([compilation], tmp_path)
    expected = run_tflm_sequence(data, samples())
    for _ in range(2):
        for inputs, theirs in zip(samples(), expected, strict=True):
            np.testing.assert_equal(model.run(inputs), theirs)
        model.reset()


def test_a_variable_that_is_never_assigned_is_a_constant():
    graph = import_tflite_bytes(streaming(assigned=False).build(), "case.tflite")
    assert graph.states == ()


def test_a_variable_keeps_its_type():
    with pytest.raises(UnsupportedError, match=r"variable 'frames' is read as .*1x3x4.*1x2x4"):
        import_tflite_bytes(streaming(shape=2).build(), "case.tflite")


def test_an_output_cannot_be_what_a_variable_holds():
    b = streaming()
    b.outputs[:] = [next(i for i, t in enumerate(b.tensors) if t.name == "again")]
    with pytest.raises(UnsupportedError, match=r"an output .*again.* is what a variable holds"):
        import_tflite_bytes(b.build(), "case.tflite")
