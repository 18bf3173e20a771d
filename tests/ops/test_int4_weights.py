"""Weights of 4 bits against TensorFlow Lite Micro; the loop nests against the references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.end_to_end.projects import compile_bytes
from tests.ops.window_cases import WindowCase, window_cases
from tests.ops_support import (
    ACTIVATIONS,
    add_weights,
    biases,
    check_lowering,
    check_model,
    int8_arrays,
    layer_graph,
    quantizations,
    run_ours,
)
from tests.oracle import run_tflm
from tests.tflite_builder import ModelBuilder
from tinycc_ml.compiler import generate
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.ops.evaluate import evaluate

differential = settings(max_examples=100, deadline=None, derandomize=True)


def int4_arrays(shape: tuple[int, ...]) -> st.SearchStrategy[np.ndarray]:
    """Random, or made of the limits only."""
    return int8_arrays(shape).map(lambda array: (array >> 4).astype(np.int8))


@dataclass
class Case:
    """A layer with 4-bit weights, and the same one with its weights unpacked.

    TensorFlow Lite Micro computes it by unpacking the weights. It takes no scales per channel in
    fully connected layers: there only the layer with unpacked weights can be compared.
    """

    packed: bytes
    unpacked: bytes
    x: np.ndarray
    is_known: bool

    def check(self) -> None:
        (ours,) = run_ours(self.packed, [self.x])
        (theirs,) = run_tflm(self.unpacked, [self.x])
        np.testing.assert_array_equal(ours, theirs)
        if self.is_known:
            check_model(self.packed, self.x)
        else:
            graph = layer_graph(self.packed)
            check_lowering(graph.layers[0], evaluate(graph, [self.x]))


@st.composite
def cases(draw: st.DrawFn, builtin: str, shapes: Shapes, **options: Any) -> Case:
    out_c = shapes.y[-1]
    axis = 3 if builtin == "DEPTHWISE_CONV_2D" else 0
    q = draw(quantizations(out_c, int(np.prod(shapes.weight)) // out_c))
    x, weight = draw(int8_arrays(shapes.x)), draw(int4_arrays(shapes.weight))
    bias, activation = draw(st.none() | biases(out_c)), draw(st.sampled_from(ACTIVATIONS))
    models = []
    for is_int4 in (True, False):
        b = ModelBuilder()
        inputs = [b.input("x", x.shape, "int8", q.input_scale, q.input_zero_point)]
        inputs += add_weights(b, q, weight, bias, axis, is_int4=is_int4)
        if inputs[-1] == -1:
            # A bias given as absent crashes the library in depthwise layers; left out, it does not.
            inputs.pop()
        y = b.tensor("y", shapes.y, "int8", q.output_scale, q.output_zero_point)
        b.operator(builtin, inputs, [y], activation=activation, **options)
        b.output(y)
        models.append(b.build())
    is_known = builtin != "FULLY_CONNECTED" or len(q.weight_scales) == 1
    return Case(models[0], models[1], x, is_known)


@dataclass
class Shapes:
    x: tuple[int, ...]
    weight: tuple[int, ...]
    y: tuple[int, ...]


@st.composite
def fully_connected(draw: st.DrawFn) -> Case:
    in_c, out_c, batch = draw(st.integers(1, 17)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    shapes = Shapes((batch, in_c), (out_c, in_c), (batch, out_c))
    return draw(cases("FULLY_CONNECTED", shapes))


@st.composite
def convolutions(draw: st.DrawFn, *, depthwise: bool = False) -> Case:
    window: WindowCase = draw(window_cases(dilated=True))
    in_c, filters = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    out_c = in_c * filters if depthwise else filters
    weight = (1, *window.kernel, out_c) if depthwise else (out_c, *window.kernel, in_c)
    shapes = Shapes((1, *window.in_size, in_c), weight, (1, *window.out_size, out_c))
    if depthwise:
        options = {**window.options, "depth_multiplier": filters}
        return draw(cases("DEPTHWISE_CONV_2D", shapes, **options))
    return draw(cases("CONV_2D", shapes, **window.options))


@differential
@given(fully_connected())
def test_fully_connected_equals_tflm(case: Case) -> None:
    case.check()


@differential
@given(convolutions())
def test_conv2d_equals_tflm(case: Case) -> None:
    case.check()


@differential
@given(convolutions(depthwise=True))
def test_depthwise_conv2d_equals_tflm(case: Case) -> None:
    case.check()


def model(
    weight: np.ndarray,
    builtin: str = "FULLY_CONNECTED",
    dtype: str = "int8",
    zero_point: int = 0,
) -> bytes:
    b = ModelBuilder()
    x = b.input("x", (1, weight.shape[-1]), dtype, 0.5, 0)
    w = b.constant("w", weight, 0.25, zero_point, is_int4=True)
    y = b.tensor("y", (1, len(weight)), dtype, 0.5, 0)
    b.operator(builtin, [x, w], [y])
    b.output(y)
    return b.build()


def test_the_first_element_of_a_byte_is_its_lower_half() -> None:
    weight = np.array([[1, -8, 3], [7, -1, 0]], np.int8)
    graph = layer_graph(model(weight))
    (layer,) = graph.layers
    assert layer.workload.operand("weight").dtype is DType.INT4
    assert layer.constants[0].array.tolist() == [0x81, 0x73, 0x0F]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            model(np.ones((1, 1), np.int8), "ADD"),
            "input 1 is int4; allowed in weights of conv2d",
        ),
        (
            model(np.ones((2, 3), np.int8), dtype="int16"),
            "bias is int32; allowed int64",
        ),
        (model(np.ones((2, 3), np.int8), zero_point=1), "the weight's zero point is not 0"),
    ],
)
def test_other_uses_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        import_tflite_bytes(data, "m.tflite")


def test_activations_are_refused() -> None:
    b = ModelBuilder()
    x, y = b.input("x", (1, 4), "int4", 0.5, 0), b.tensor("y", (1, 4), "int4", 0.5, 0)
    b.operator("RELU", [x], [y])
    b.output(y)
    with pytest.raises(UnsupportedError, match="'x' is int4; allowed in constant weights"):
        import_tflite_bytes(b.build(), "m.tflite")


@pytest.mark.parametrize("size", [2, 4])
def test_data_of_another_size_is_damage(size: int) -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 5), "int8", 0.5, 0)
    b.buffers.append(bytes(size))
    w = b.tensor("w", (1, 5), "int4", 0.25, 0, buffer=1)
    y = b.tensor("y", (1, 1), "int8", 0.5, 0)
    b.operator("FULLY_CONNECTED", [x, w], [y])
    b.output(y)
    with pytest.raises(Exception, match=f"{size} bytes of data for shape .*, which takes 3"):
        import_tflite_bytes(b.build(), "m.tflite")


def test_flash_holds_half_the_bytes() -> None:
    weight = np.arange(-8, 7, dtype=np.int8).reshape(3, 5)
    compilation = compile_bytes(model(weight), "packed")
    (layer,) = compilation.manifest.layers
    # 15 halves, a bias for each channel, one multiplier and one shift.
    assert layer.weight_bytes == compilation.manifest.weight_bytes == 8 + 3 * 4 + 4 + 1
    assert layer.kernel == "fully_connected__c"
    source = "".join(generate(compilation).values())
    assert "const uint8_t packed_n00_fully_connected_weight[8] = {" in source


def test_a_wrong_half_is_noticed() -> None:
    """What the differential tests above rest on: other weights give other outputs."""
    weight = np.arange(-8, 7, dtype=np.int8).reshape(3, 5)
    x = np.array([[1, -2, 3, -4, 5]], np.int8)
    swapped = weight.reshape(-1)[[1, 0, *range(2, 15)]].reshape(3, 5)
    right, wrong = (run_ours(model(w), [x])[0] for w in (weight, swapped))
    assert not np.array_equal(right, wrong)
