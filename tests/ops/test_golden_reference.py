"""The references against every intermediate tensor of models on TFLM: MLPerf Tiny and others."""

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
SYNTHETIC = {
    "conv1d": 15,
    "gru_unrolled": 158,
    "mobile_residual": 18,
    "nas_multibranch": 33,
    "transformer_qgelu": 54,
    "unet": 14,
}
#: One operator of it is not in TFLM. LiteRT, which is compared with instead, rounds fully connected
#: layers in another way: of what follows them, an output may differ by one.
LITERT = "transformer"


def load(name: str) -> tuple[LayerGraph, dict[str, np.ndarray]]:
    suffix = "" if name in MODELS else "_synthetic"
    file = name if name in MODELS else f"syn_tf_{name}_int8"
    graph = integerize(import_tflite(shared_path(f"data/models{suffix}/{file}.tflite")))
    with np.load(shared_path(f"data/golden{suffix}/{file}.tflite.npz")) as golden:
        return graph, dict(golden)


@pytest.mark.parametrize("name", [*MODELS, *SYNTHETIC])
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
    assert compared == {**MODELS, **SYNTHETIC}[name]


@pytest.mark.parametrize("name", [*MODELS, *SYNTHETIC])
def test_every_output_is_identical(name: str) -> None:
    graph, golden = load(name)
    for sample in range(len(golden["input0"])):
        inputs = [golden[f"input{i}"][sample] for i in range(len(graph.inputs))]
        values = evaluate(graph, inputs)
        for i, output in enumerate(graph.outputs):
            expected = golden[f"output{i}_tflm"][sample]
            np.testing.assert_array_equal(values[output], expected, err_msg=f"sample {sample}")


def test_what_only_litert_runs() -> None:
    graph, golden = load(LITERT)
    inputs = [golden["input0"][json.loads(bytes(golden["meta"]))["intermediates_for"]]]
    values = evaluate(graph, inputs)
    different = [
        name
        for name, value in values.items()
        if f"{name}_ref" in golden and not np.array_equal(value, golden[f"{name}_ref"])
    ]
    fully_connected = [
        output
        for layer in graph.layers
        for output in layer.outputs
        if layer.workload.op == "fully_connected"
    ]
    # The first that differs is a fully connected layer; GELU is before it.
    assert different[0] in fully_connected
    for name in different:
        distance = values[name].astype(int) - golden[f"{name}_ref"].astype(int)
        assert np.abs(distance).max() <= 1
