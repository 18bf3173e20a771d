"""The references against every intermediate tensor of the MLPerf Tiny models on TFLM."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.shared_data import shared_path
from tinycc_ml.importers.tflite import import_tflite
from tinycc_ml.ops import LayerGraph, evaluate, integerize

#: How many tensors of each are values of our graph.
MODELS = {
    "ad01_int8": 11,
    "kws_ref_model": 14,
    "pretrainedResnet_quant": 17,
    "vww_96_int8": 32,
    "str_ww_ref_model": 12,
    "kws_savedmodel_int8": 14,
}


def load(name: str) -> tuple[LayerGraph, dict[str, np.ndarray]]:
    graph = integerize(import_tflite(shared_path(f"data/models/{name}.tflite")))
    with np.load(shared_path(f"data/golden/{name}.tflite.npz")) as golden:
        return graph, dict(golden)


@pytest.mark.parametrize("name", MODELS)
def test_every_intermediate_tensor_is_identical(name: str) -> None:
    graph, golden = load(name)
    chosen = json.loads(bytes(golden["meta"]))["intermediates_for"]
    inputs = [golden[f"input{i}"][chosen] for i in range(len(graph.inputs))]
    values = evaluate(graph, inputs)
    compared = 0
    for key, expected in golden.items():
        value = key.removesuffix("_tflm")
        if value != key and value in values:
            np.testing.assert_array_equal(values[value], expected, err_msg=value)
            compared += 1
    assert compared == MODELS[name]


@pytest.mark.parametrize("name", MODELS)
def test_every_output_is_identical(name: str) -> None:
    graph, golden = load(name)
    for sample in range(len(golden["input0"])):
        inputs = [golden[f"input{i}"][sample] for i in range(len(graph.inputs))]
        values = evaluate(graph, inputs)
        for i, output in enumerate(graph.outputs):
            expected = golden[f"output{i}_tflm"][sample]
            np.testing.assert_array_equal(values[output], expected, err_msg=f"sample {sample}")
