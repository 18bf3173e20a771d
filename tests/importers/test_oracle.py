"""What has been imported computes what TensorFlow Lite Micro computes from the same file."""

from __future__ import annotations

import numpy as np
import pytest

from tests.importers.samples import everything
from tests.oracle import run_tflm, run_tflm_tensors
from tests.shared_data import REPOSITORY, shared_path
from tinycc_ml.graph import Graph
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.ops import evaluate, integerize

_MODELS = (
    "kws_ref_model",
    "ad01_int8",
    "pretrainedResnet_quant",
    "vww_96_int8",
    "str_ww_ref_model",
    "kws_savedmodel_int8",
)


def _random_inputs(graph: Graph, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    inputs = []
    for name in graph.inputs:
        type_ = graph.types[name]
        if type_.dtype.is_integer:
            array = rng.integers(type_.dtype.min, type_.dtype.max, type_.shape, endpoint=True)
        else:
            array = rng.uniform(-40, 40, type_.shape)
        inputs.append(array.astype(type_.dtype.numpy))
    return inputs


def _compare(data: bytes, seed: int) -> None:
    graph = import_tflite_bytes(data, "m.tflite")
    inputs = _random_inputs(graph, seed)
    values = evaluate(integerize(graph), inputs)
    for name, expected in zip(graph.outputs, run_tflm(data, inputs), strict=True):
        np.testing.assert_array_equal(values[name], expected)


@pytest.mark.parametrize("seed", range(5))
def test_every_operator_and_every_tensor(seed: int) -> None:
    data = everything().build()
    graph = import_tflite_bytes(data, "m.tflite")
    inputs = _random_inputs(graph, seed)
    values = evaluate(integerize(graph), inputs)
    tensors = [int(name[1:]) for node in graph.nodes for name in node.outputs]
    for tensor, expected in zip(tensors, run_tflm_tensors(data, inputs, tensors), strict=True):
        np.testing.assert_array_equal(values[f"t{tensor}"], expected, err_msg=f"tensor {tensor}")
    _compare(data, seed)


@pytest.mark.parametrize("name", _MODELS)
def test_benchmark_models(name: str) -> None:
    _compare(shared_path(f"data/models/{name}.tflite").read_bytes(), seed=1)


def test_the_model_with_parallel_branches() -> None:
    path = shared_path("data/models_synthetic/syn_tf_nas_multibranch_int8.tflite")
    _compare(path.read_bytes(), seed=2)


def test_the_bundled_example() -> None:
    _compare((REPOSITORY / "examples" / "digits" / "digits.tflite").read_bytes(), seed=3)
