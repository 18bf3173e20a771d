"""What tests of operators share: running a model on all our levels, and drawing cases.

A case is one .tflite file with one operator and one input. It runs on TensorFlow Lite Micro, on
the operator's NumPy reference and on its interpreted loop nest; all three must agree on every
byte, and the loop nest must keep the access order that it promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from tests.oracle import run_tflm, run_tflm_sequence
from tests.tflite_builder import ModelBuilder
from tinycc_ml.graph import Graph
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.loopir import Role, verify_kernel
from tinycc_ml.loopir.interpreter import run_kernel
from tinycc_ml.ops import Layer, LayerGraph, integerize, lowest_read, op
from tinycc_ml.ops.evaluate import evaluate, next_states

#: For tests that run TensorFlow Lite Micro once per draw.
differential = settings(max_examples=300, deadline=None, derandomize=True)

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


def layer_graph(source: bytes | Graph) -> LayerGraph:
    """The integer graph of a .tflite file or a graph."""
    graph = import_tflite_bytes(source, "case.tflite") if isinstance(source, bytes) else source
    return integerize(graph)


def run_ours(source: bytes | Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The model's outputs according to the references."""
    graph = layer_graph(source)
    values = evaluate(graph, inputs)
    return [values[name] for name in graph.outputs]


def check_model(data: bytes, *inputs: np.ndarray) -> None:
    """Compares TensorFlow Lite Micro, reference and loop nests on one model with one input."""
    graph = layer_graph(data)
    values = evaluate(graph, inputs)
    theirs = run_tflm(data, inputs)
    for name, expected in zip(graph.outputs, theirs, strict=True):
        # A scalar comes back from the oracle with one dimension.
        np.testing.assert_array_equal(values[name].reshape(expected.shape), expected)
    for layer in graph.layers:
        check_lowering(layer, values)


def check_sequence(data: bytes, samples: Sequence[Sequence[np.ndarray]]) -> None:
    """Compares TensorFlow Lite Micro, reference and loop nests on inputs in a row."""
    graph = layer_graph(data)
    states = None
    for inputs, theirs in zip(samples, run_tflm_sequence(data, samples), strict=True):
        values = evaluate(graph, inputs, states)
        states = next_states(graph, values)
        for name, expected in zip(graph.outputs, theirs, strict=True):
            np.testing.assert_array_equal(values[name].reshape(expected.shape), expected)
        for layer in graph.layers:
            check_lowering(layer, values)


def check_lowering(layer: Layer, values: dict[str, np.ndarray]) -> None:
    """Runs a layer's loop nest; its result and its order of accesses must be as promised."""
    kernel = verify_kernel(op(layer.workload.op).lower(layer.workload))
    operands = [values[name] for name in layer.inputs]
    operands += [constant.array for constant in layer.constants]
    operands += [np.full_like(values[name], 99) for name in layer.outputs]
    operands += [values[before].copy() for before, _ in layer.states]
    scratch = [buffer for buffer in kernel.buffers if buffer.role is Role.SCRATCH]
    operands += [np.full(buffer.shape, 99, buffer.dtype.numpy) for buffer in scratch]
    arrays = {
        buffer.name: np.ascontiguousarray(array).reshape(buffer.memory[0])
        for buffer, array in zip(kernel.buffers, operands, strict=True)
    }
    events: list[tuple[str, str, int]] = []
    run_kernel(kernel, arrays, trace=lambda *event: events.append(event))
    results = (*layer.outputs, *(after for _, after in layer.states))
    written = kernel.buffers[len(kernel.buffers) - len(scratch) - len(results) :]
    for buffer, name in zip(written, results, strict=False):
        np.testing.assert_array_equal(arrays[buffer.name].reshape(-1), values[name].reshape(-1))
    apart = {*(role for role, _ in layer.workload.states), *(buffer.name for buffer in scratch)}
    check_access(layer, [event for event in events if event[1] not in apart])


def check_access(layer: Layer, events: Sequence[tuple[str, str, int]]) -> None:
    """Whether traced reads and writes keep the promise of ``access``."""
    workload = layer.workload
    access = op(workload.op).access(workload)
    output = workload.outputs[0][1].elements
    size = access.step_elements
    assert output % size == 0
    steps = output // size
    patterns = dict(access.inputs)
    lowest = {
        role: [lowest_read(pattern, step, steps) for step in range(steps)]
        for role, pattern in patterns.items()
    }
    # A step ends with the last write to its elements: what follows belongs to the next one.
    left = [size] * steps
    step = 0
    for kind, role, index in events:
        if kind == "write":
            assert index // size == step, f"element {index} is written in step {step}"
            left[step] -= 1
            assert left[step] >= 0, f"element {index} is written twice"
            step += left[step] == 0
        elif role in patterns:
            assert step < steps, f"{role}[{index}] is read after the last write"
            assert index >= lowest[role][step], f"step {step} reads {role}[{index}]"
    assert step == steps


@dataclass(frozen=True)
class Quantization:
    """Scales as float32 values, and zero points."""

    input_scale: float
    weight_scales: tuple[float, ...]
    output_scale: float
    input_zero_point: int
    output_zero_point: int


def zero_points() -> st.SearchStrategy[int]:
    """Any int8, the limits often."""
    return st.sampled_from([-128, 127, 0]) | st.integers(-128, 127)


def scales() -> st.SearchStrategy[float]:
    """Float32 values; powers of two often, as they meet the halves of rounding."""
    powers = st.integers(-12, 3).map(lambda e: 2.0**e)
    return powers | st.floats(2.0**-13, 8.0, width=32)


@st.composite
def quantizations(draw: st.DrawFn, channels: int, taps: int) -> Quantization:
    """For a layer of that many weights per output, per tensor or per channel.

    The output scale is such that outputs are anything from nearly all saturated to nearly all
    equal; now and then the effective scale is so small that its multiplier is flushed to zero.
    """
    input_scale = draw(scales())
    count = channels if draw(st.booleans()) else 1
    base = draw(scales())
    factor = st.sampled_from([1.0, 0.5, 0.7312, 3.1])
    ratios = draw(st.lists(factor, min_size=count, max_size=count))
    weight_scales = tuple(float(np.float32(base * ratio)) for ratio in ratios)
    typical = 64.0 * taps**0.5
    extreme = st.sampled_from([1.0, 2.0**-8, 2.0**-4, 2.0**6, 2.0**33])
    spread = draw(extreme | st.floats(0.0625, 16.0, width=32))
    output_scale = input_scale * base * typical * spread
    if draw(st.booleans()):
        output_scale = 2.0 ** round(np.log2(output_scale))
    return Quantization(
        input_scale,
        weight_scales,
        float(np.float32(output_scale)),
        draw(zero_points()),
        draw(zero_points()),
    )


@st.composite
def int8_arrays(draw: st.DrawFn, shape: tuple[int, ...], low: int = -128) -> np.ndarray:
    """Random, constant, or made of the limits only."""
    kind = draw(st.sampled_from(["random", "limits", "small", "lowest", "highest", "equal"]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "random":
        array = random.integers(low, 128, shape)
    elif kind == "limits":
        array = random.choice([low, 127], shape)
    elif kind == "small":
        array = random.integers(-3, 4, shape)
    else:
        value = {"lowest": low, "highest": 127, "equal": int(random.integers(low, 128))}[kind]
        array = np.full(shape, value)
    return np.asarray(array, np.int8).reshape(shape)


@st.composite
def biases(draw: st.DrawFn, channels: int) -> np.ndarray:
    """int32 biases of any size that leaves room for the sums of a small layer."""
    size = draw(st.sampled_from([0, 10, 3000, 1 << 20, 1 << 26]))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return random.integers(-size, size + 1, channels).astype(np.int32)


def add_weights(
    b: ModelBuilder,
    q: Quantization,
    weight: np.ndarray,
    bias: np.ndarray | None,
    axis: int,
    *,
    is_int4: bool = False,
) -> list[int]:
    """Adds weight and bias tensors; an absent bias is -1."""
    zeros = [0] * len(q.weight_scales)
    w = b.constant("w", weight, q.weight_scales, zeros, axis=axis, is_int4=is_int4)
    if bias is None:
        return [w, -1]
    bias_scales = [np.float32(q.input_scale * s) for s in q.weight_scales]
    return [w, b.constant("b", bias, bias_scales, zeros)]
