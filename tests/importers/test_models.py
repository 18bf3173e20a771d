"""Real models: what they hold, and that the rest is refused clearly."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.shared_data import REPOSITORY, SHARED, shared_path
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import run_passes, verify_graph
from tinycc_ml.importers import import_model
from tinycc_ml.ops import integerize, op
from tinycc_ml.transforms import SIMPLIFY

_END = ["average_pool2d", "reshape", "fully_connected", "softmax"]
_BLOCK = ["conv2d", "conv2d", "add"]
_EXPECTED = {
    "ad01_int8": (["fully_connected"] * 10, (1, 640), (1, 640)),
    "kws_ref_model": (
        ["conv2d", *["depthwise_conv2d", "conv2d"] * 4, *_END],
        (1, 49, 10, 1),
        (1, 12),
    ),
    "pretrainedResnet_quant": (
        ["conv2d", *_BLOCK, *["conv2d", *_BLOCK] * 2, *_END],
        (1, 32, 32, 3),
        (1, 10),
    ),
    "vww_96_int8": (
        ["conv2d", *["depthwise_conv2d", "conv2d"] * 13, *_END],
        (1, 96, 96, 3),
        (1, 2),
    ),
    "str_ww_ref_model": (
        [*["depthwise_conv2d", "conv2d"] * 4, *_END[1:]],
        (1, 30, 1, 40),
        (1, 3),
    ),
}
#: Float models and integer ones with recurrent, transformer and decoder parts.
_SYNTHETIC = sorted(SHARED.glob("data/models_synthetic/*.tflite"))
_FLOAT = ("ad01_fp32", "kws_savedmodel_float", "pretrainedResnet", "vww_96_float")


@pytest.mark.parametrize("name", _EXPECTED)
def test_benchmark_models(name: str) -> None:
    operators, input_shape, output_shape = _EXPECTED[name]
    graph = verify_graph(import_model(shared_path(f"data/models/{name}.tflite")))
    assert [node.op for node in graph.nodes] == operators
    assert graph.name == name.lower()
    assert [graph.types[n].shape for n in graph.inputs] == [input_shape]
    assert [graph.types[n].shape for n in graph.outputs] == [output_shape]
    for node in graph.nodes:
        assert node.name == f"n{node.origin.index:02d}_{node.op}"
        shapes = op(node.op).infer(node.attrs, [graph.types[n] for n in node.inputs])
        assert shapes == tuple(graph.types[n].shape for n in node.outputs)
        assert all(graph.types[n].dtype is DType.INT8 for n in node.outputs)
    assert [layer.name for layer in integerize(graph).layers] == [n.name for n in graph.nodes]


@pytest.mark.parametrize("name", [*_EXPECTED, "kws_savedmodel_int8"])
def test_passes_keep_what_they_need_not_change(name: str) -> None:
    graph = import_model(shared_path(f"data/models/{name}.tflite"))
    simplified, report = run_passes(graph, SIMPLIFY)
    assert (simplified.inputs, simplified.outputs) == (graph.inputs, graph.outputs)
    assert not report.refusals
    if name == "vww_96_int8":
        # Many of its channels always hold the same number; tests/transforms looks closer.
        assert len(simplified.nodes) == len(graph.nodes)
    else:
        assert simplified is graph


def test_the_model_with_parallel_branches() -> None:
    path = shared_path("data/models_synthetic/syn_tf_nas_multibranch_int8.tflite")
    graph = verify_graph(import_model(path))
    assert Counter(node.op for node in graph.nodes) == {
        "conv2d": 15,
        "depthwise_conv2d": 2,
        "average_pool2d": 1,
        "max_pool2d": 2,
        "concatenation": 2,
        "mean": 2,
        "logistic": 2,
        "mul": 2,
        "add": 2,
        "fully_connected": 1,
        "softmax": 1,
    }


def test_the_bundled_example() -> None:
    graph = verify_graph(import_model(REPOSITORY / "examples" / "digits" / "digits.tflite"))
    assert graph.name == "digits"
    assert [graph.types[n].dtype for n in graph.inputs] == [DType.INT8]


@pytest.mark.parametrize("path", _SYNTHETIC, ids=lambda path: path.stem)
def test_models_of_other_kinds(path: Path) -> None:
    graph = verify_graph(import_model(path))
    assert len(integerize(graph).layers) == len(graph.nodes)


@pytest.mark.parametrize("name", _FLOAT)
def test_float_models(name: str) -> None:
    graph = verify_graph(import_model(shared_path(f"data/models/{name}.tflite")))
    assert {graph.types[n].dtype for node in graph.nodes for n in node.outputs} == {DType.FLOAT32}
