"""Operators in float32: TensorFlow Lite Micro, references and loop nests.

Where nothing of ``math.h`` is called, all three agree in every byte: references and loop nests
round after each operation in the library's order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import seeds
from tests.ops.window_cases import WindowCase, window_cases
from tests.ops_support import ACTIVATIONS, check_lowering, layer_graph
from tests.oracle import run_tflm
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes
from tinycc_ml.ops.evaluate import evaluate

differential = settings(max_examples=40, deadline=None, derandomize=True)
activations = st.sampled_from(ACTIVATIONS)


def numbers(seed: int, *shape: int) -> np.ndarray:
    """Normal numbers, some of them zeros and some of other magnitudes."""
    rng = np.random.default_rng(seed)
    scale = rng.choice([0.0, 1.0, 1.0, 1e-3, 40.0], shape)
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def check(b: ModelBuilder, *inputs: np.ndarray, ulps: int = 0) -> None:
    """All three on one model; `ulps` is how far the C library may be off."""
    data = b.build()
    graph = layer_graph(data)
    values = evaluate(graph, inputs)
    for name, expected in zip(graph.outputs, run_tflm(data, inputs), strict=True):
        np.testing.assert_array_max_ulp(values[name].reshape(expected.shape), expected, ulps)
    for layer in graph.layers:
        check_lowering(layer, values)


def one(builtin: str, shapes: list[tuple[int, ...]], out: tuple[int, ...], **options: object):
    b = ModelBuilder()
    x = [b.input(f"x{i}", shape, "float32") for i, shape in enumerate(shapes)]
    y = b.tensor("y", out, "float32")
    b.operator(builtin, x, [y], **options)
    b.output(y)
    return b


def weighted(
    builtin: str, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, out: tuple[int, ...], **o
) -> ModelBuilder:
    b = ModelBuilder()
    source = b.input("x", x.shape, "float32")
    weights = [b.constant("w", w), -1 if bias is None else b.constant("b", bias)]
    y = b.tensor("y", out, "float32")
    b.operator(builtin, [source, *weights], [y], **o)
    b.output(y)
    return b


@differential
@given(
    window_cases(dilated=True),
    st.integers(1, 3),
    st.integers(1, 5),
    activations,
    seeds,
    st.booleans(),
)
def test_conv2d(
    window: WindowCase, in_c: int, out_c: int, activation: str, seed: int, has_bias: bool
) -> None:
    x = numbers(seed, 1, *window.in_size, in_c)
    w = numbers(seed + 1, out_c, *window.kernel, in_c)
    bias = numbers(seed + 2, out_c) if has_bias else None
    out = (1, *window.out_size, out_c)
    check(weighted("CONV_2D", x, w, bias, out, activation=activation, **window.options), x)


@differential
@given(window_cases(dilated=True), st.integers(1, 3), st.integers(1, 2), activations, seeds)
def test_depthwise_conv2d(
    window: WindowCase, in_c: int, filters: int, activation: str, seed: int
) -> None:
    x = numbers(seed, 1, *window.in_size, in_c)
    w = numbers(seed + 1, 1, *window.kernel, in_c * filters)
    bias = numbers(seed + 2, in_c * filters)
    options = window.options | {"depth_multiplier": filters, "activation": activation}
    out = (1, *window.out_size, in_c * filters)
    check(weighted("DEPTHWISE_CONV_2D", x, w, bias, out, **options), x)


@differential
@given(st.integers(1, 3), st.integers(1, 9), st.integers(1, 5), activations, seeds)
def test_fully_connected(batch: int, in_c: int, out_c: int, activation: str, seed: int) -> None:
    x, w, bias = numbers(seed, batch, in_c), numbers(seed + 1, out_c, in_c), numbers(seed, out_c)
    check(weighted("FULLY_CONNECTED", x, w, bias, (batch, out_c), activation=activation), x)


@pytest.mark.parametrize("builtin", ["ADD", "MUL"])
@differential
@given(
    shapes=st.sampled_from([((2, 3), (2, 3)), ((1, 4, 1, 3), (1, 1, 5, 3)), ((4,), (2, 1))]),
    activation=activations,
    seed=seeds,
)
def test_add_mul(builtin: str, shapes: tuple, activation: str, seed: int) -> None:
    arrays = [numbers(seed + i, *shape) for i, shape in enumerate(shapes)]
    out = np.broadcast_shapes(*shapes)
    check(one(builtin, list(shapes), out, activation=activation), *arrays)


@pytest.mark.parametrize("builtin", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@differential
@given(window=window_cases(dilated=False), activation=activations, seed=seeds)
def test_pooling(builtin: str, window: WindowCase, activation: str, seed: int) -> None:
    x = numbers(seed, 1, *window.in_size, 2)
    kernel = {"filter_height": window.kernel[0], "filter_width": window.kernel[1]}
    options = window.options | kernel | {"activation": activation}
    check(one(builtin, [x.shape], (1, *window.out_size, 2), **options), x)


@pytest.mark.parametrize("axes", [(1, 2), (0,), (1, 3), (3,), (0, 1, 2, 3)])
def test_mean(axes: tuple[int, ...]) -> None:
    x = numbers(5, 1, 4, 3, 5)
    b = ModelBuilder()
    source, which = b.input("x", x.shape, "float32"), b.constant("a", np.array(axes, np.int32))
    y = b.tensor("y", x.mean(axis=axes, keepdims=True).shape, "float32")
    b.operator("MEAN", [source, which], [y], keep_dims=True)
    b.output(y)
    check(b, x)


def test_pad() -> None:
    x = numbers(6, 1, 2, 3, 2)
    b = ModelBuilder()
    amounts = np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32)
    source, around = b.input("x", x.shape, "float32"), b.constant("a", amounts)
    y = b.tensor("y", (1, 5, 4, 2), "float32")
    b.operator("PAD", [source, around], [y])
    b.output(y)
    check(b, x)


@pytest.mark.parametrize("builtin", ["RELU", "RELU6"])
def test_clamps(builtin: str) -> None:
    x = numbers(7, 3, 50)
    check(one(builtin, [x.shape], x.shape), x)


def test_concatenation() -> None:
    x, y = numbers(8, 1, 2, 3), numbers(9, 1, 2, 2)
    check(one("CONCATENATION", [x.shape, y.shape], (1, 2, 5), axis=2), x, y)


def test_logistic() -> None:
    x = np.concatenate([numbers(10, 400), np.linspace(-80, 80, 321, dtype=np.float32)])
    check(one("LOGISTIC", [x.shape], x.shape), x, ulps=4)


@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_softmax(beta: float) -> None:
    x = numbers(11, 6, 7)
    check(one("SOFTMAX", [x.shape], x.shape, beta=beta), x, ulps=4)


def mixed_input(b: ModelBuilder) -> list[int]:
    return [b.input("x", (1, 4), "float32"), b.constant("c", np.ones((1, 4), np.int8), 0.1, 0)]


@pytest.mark.parametrize(
    ("builtin", "inputs", "message"),
    [
        ("ADD", mixed_input, "input 1 is int8; allowed float32"),
        ("MUL", mixed_input, "input 1 is int8; allowed float32"),
        (
            "RELU",
            lambda b: [b.input("x", (1, 4), "int32")],
            "input is int32; allowed int8",
        ),
    ],
)
def test_refuses_mixed_types(
    builtin: str, inputs: Callable[[ModelBuilder], list[int]], message: str
) -> None:
    b = ModelBuilder()
    y = b.tensor("y", (1, 4), "float32")
    b.operator(builtin, inputs(b), [y])
    b.output(y)
    with pytest.raises(UnsupportedError, match=message):
        import_tflite_bytes(b.build(), "m.tflite")


@pytest.mark.parametrize("is_converted", [True, False])
def test_weights_in_halves(is_converted: bool) -> None:
    """Files shrunk to float16 convert their weights with DEQUANTIZE."""
    x, w = numbers(12, 2, 5), numbers(13, 3, 5).astype(np.float16)
    b = ModelBuilder()
    source, weight = b.input("x", x.shape, "float32"), b.constant("w", w)
    real = weight
    if is_converted:
        real = b.tensor("real", w.shape, "float32")
        b.operator("DEQUANTIZE", [weight], [real])
    y = b.tensor("y", (2, 3), "float32")
    b.operator("FULLY_CONNECTED", [source, real, -1], [y])
    b.output(y)
    graph = layer_graph(b.build())
    assert [layer.workload.op for layer in graph.layers] == ["fully_connected"]
    same = weighted("FULLY_CONNECTED", x, w.astype(np.float32), None, (2, 3))
    (expected,) = run_tflm(same.build(), [x])
    assert evaluate(graph, [x])[graph.outputs[0]].tobytes() == expected.tobytes()
