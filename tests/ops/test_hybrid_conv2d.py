"""hybrid_conv2d: its loop nest against its reference, which meets LiteRT's golden outputs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import seeds
from tests.ops.test_floats import numbers
from tests.ops.window_cases import WindowCase, window_cases
from tests.ops_support import ACTIVATIONS, check_lowering, layer_graph
from tests.shared_data import shared_path
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite, import_tflite_bytes
from tinycc_ml.ops import integerize
from tinycc_ml.ops.evaluate import evaluate


def model(
    window: WindowCase, w: np.ndarray, scales: list[float], activation: str = "NONE"
) -> bytes:
    b = ModelBuilder()
    x = b.input("x", (1, *window.in_size, w.shape[3]), "float32")
    weight = b.constant("w", w, scales, [0] * len(scales), axis=0)
    bias = b.constant("b", np.linspace(-1, 1, len(w)).astype(np.float32))
    y = b.tensor("y", (1, *window.out_size, len(w)), "float32")
    b.operator("CONV_2D", [x, weight, bias], [y], activation=activation, **window.options)
    b.output(y)
    return b.build()


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    window_cases(dilated=True),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(ACTIVATIONS),
    seeds,
    st.booleans(),
)
def test_the_loop_nest_computes_the_reference(
    window: WindowCase, in_c: int, out_c: int, activation: str, seed: int, is_zero: bool
) -> None:
    w = np.random.default_rng(seed).integers(-127, 128, (out_c, *window.kernel, in_c))
    graph = layer_graph(model(window, w.astype(np.int8), [0.02], activation))
    x = numbers(seed, 1, *window.in_size, in_c) * np.float32(not is_zero)
    values = evaluate(graph, [x])
    assert [layer.workload.op for layer in graph.layers] == ["hybrid_conv2d"]
    check_lowering(graph.layers[0], values)


def test_every_tensor_of_the_golden_model() -> None:
    graph = integerize(import_tflite(shared_path("data/models/kws_ref_model_float32.tflite")))
    with np.load(shared_path("data/golden/kws_ref_model_float32.tflite.npz")) as golden:
        for x, y in zip(golden["input0"], golden["output0_ref"], strict=True):
            assert evaluate(graph, [x])[graph.outputs[0]].tobytes() == y.tobytes()
        traced = json.loads(bytes(golden["meta"]))["intermediates_for"]
        values = evaluate(graph, [golden["input0"][traced]])
        tensors = [n for n in values if f"{n}_ref" in golden and n not in graph.constants]
        for name in tensors:
            assert values[name].tobytes() == golden[f"{name}_ref"].tobytes(), name
    assert len(tensors) > 5


def test_scales_of_channels_are_refused() -> None:
    window = WindowCase((2, 2), (1, 1), (2, 2), {"padding": "VALID", "stride_h": 1, "stride_w": 1})
    w = np.ones((2, 1, 1, 1), np.int8)
    with pytest.raises(UnsupportedError, match="allowed are one scale and zero point 0"):
        import_tflite_bytes(model(window, w, [0.5, 0.25]), "m.tflite")
