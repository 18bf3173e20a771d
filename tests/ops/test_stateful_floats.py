"""SVDF and LSTM in float32: reference and loop nests agree, over a sequence."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops_support import check_lowering, layer_graph
from tests.shared_data import shared_path
from tinycc_ml.ops import evaluate, next_states

RUNS = 3


@pytest.mark.parametrize("model", ["syn_svdf_float", "syn_tf_lstm_float"])
def test_sequences(model):
    graph = layer_graph(shared_path(f"data/models_synthetic/{model}.tflite").read_bytes())
    with np.load(shared_path(f"data/golden_synthetic/{model}.tflite.npz")) as data:
        inputs, golden = data["input0"][:RUNS], data["seq_output0_tflm"]
    states = None
    for x, expected in zip(inputs, golden, strict=False):
        values = evaluate(graph, [x], states)
        states = next_states(graph, values)
        np.testing.assert_allclose(values[graph.outputs[0]], expected, rtol=0, atol=1e-6)
        for layer in graph.layers:
            if layer.states:
                check_lowering(layer, values)
