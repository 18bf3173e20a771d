"""Quantized models of several tools: true integer networks, near ONNX Runtime's results.

The goldens are ONNX Runtime's without optimization: floats between quantized values. Each layer
must come within one step of them. Over many layers, TensorFlow Lite's double rounding (in about one
of 500 results another integer than rounding once gives) lets outputs drift by a few steps, and
where a softmax of confident logits follows, by more; ONNX Runtime's own integer kernels differ from
the goldens by up to 11 steps in the same place.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.shared_data import shared_path
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph, verify_graph
from tinycc_ml.importers import import_model
from tinycc_ml.ops import evaluate, integerize
from tinycc_ml.ops.evaluate import evaluate_layer

#: For each model how many steps its outputs are at most away from the goldens, over 8 inputs.
_STEPS = {
    "models/ad01_int8_qdq": 2,
    "models/kws_savedmodel_int8_qdq": 3,
    "models/pretrainedResnet_int8_qdq": 17,
    "models/vww_96_int8_qdq": 3,
    "models_synthetic/syn_torch_mobile_residual_int8_qdq": 2,
    "models_synthetic/syn_torch_qdq_qat": 1,
    "models_synthetic/syn_torch_nas_multibranch_int8_qdq": 1,
    "models_synthetic/syn_torch_conv1d_int8_qdq": 1,
    # One step of the logits is 7 steps behind the sigmoid.
    "models_synthetic/syn_torch_unet_int8_qdq": 7,
}
_OPERATORS = {
    "models/kws_savedmodel_int8_qdq": [
        *("reshape", "quantize", "reshape", "conv2d", *["depthwise_conv2d", "conv2d"] * 4),
        *("average_pool2d", "reshape", "fully_connected", "softmax", "quantize", "dequantize"),
    ],
    # NCHW: the one input channel makes the change of layout a reshape.
    "models_synthetic/syn_torch_qdq_qat": [
        *("quantize", "reshape", "conv2d", "depthwise_conv2d", "conv2d", "add", "conv2d"),
        *("mean", "fully_connected", "dequantize"),
    ],
}


@cache
def _graph(name: str) -> Graph:
    return verify_graph(import_model(shared_path(f"data/{name}.onnx")))


def _golden(name: str) -> dict[str, np.ndarray]:
    folder, _, file = name.partition("/")
    with np.load(shared_path(f"data/{folder.replace('models', 'golden')}/{file}.onnx.npz")) as data:
        return {key: data[key] for key in data.files}


@pytest.mark.parametrize("name", _STEPS)
def test_everything_but_the_ends_is_in_integers(name: str) -> None:
    graph = _graph(name)
    names = [n.op for n in graph.nodes]
    start = names.index("quantize")
    assert set(names[:start]) <= {"reshape"} and names[-1] == "dequantize"
    inner = graph.nodes[start:-1]
    assert all(graph.types[n.outputs[0]].dtype is DType.INT8 for n in inner)
    assert "transpose" not in names
    if name in _OPERATORS:
        assert names == _OPERATORS[name]


@pytest.mark.parametrize("name", _STEPS)
def test_outputs(name: str) -> None:
    graph, golden = _graph(name), _golden(name)
    integers = integerize(graph)
    (key,) = (k for k in golden if k.startswith("input_"))
    (expected,) = (golden[k] for k in golden if k.endswith("__noopt"))
    quant = graph.types[graph.nodes[-1].inputs[0]].quant
    assert quant is not None
    worst = 0
    for x, y in zip(golden[key], expected, strict=True):
        values = evaluate(integers, [x.reshape(graph.types[graph.inputs[0]].shape)])
        found = values[graph.outputs[0]]
        worst = max(worst, round(float(np.abs(found - y.reshape(found.shape)).max() / quant.scale)))
    assert worst == _STEPS[name]


@pytest.mark.parametrize("name", _STEPS)
def test_each_layer_is_within_one_step(name: str) -> None:
    """Each layer is fed what ONNX Runtime computed before it, so that nothing adds up."""
    graph, golden = _graph(name), _golden(name)
    sample = json.loads(bytes(golden["meta"]))["intermediates_for"]
    quantized = _quantized_names(shared_path(f"data/{name}.onnx"))
    (key,) = (k for k in golden if k.startswith("input_"))
    x = golden[key][sample].reshape(graph.types[graph.inputs[0]].shape)
    values = {n: c.array for n, c in graph.constants.items()} | {graph.inputs[0]: x}
    compared = 0
    for layer in integerize(graph).layers[:-1]:
        (result,) = evaluate_layer(layer, values)
        found = golden.get(f"i_{quantized.get(layer.origin.index, '').replace('/', '|')}")
        if found is not None and result.dtype == np.int8 and _is_last(graph, layer.name):
            expected = _stored(found, result)
            steps = np.abs(expected.astype(int) - result.astype(int))
            assert steps.max() <= 1, layer.name
            # Rescaling by a half meets a tie in every second element, and rounds it otherwise.
            assert (steps != 0).mean() <= 0.1 or result.size < 100, layer.name
            result = expected.astype(np.int8)
            compared += 1
        values[layer.outputs[0]] = result
    assert compared >= sum(n.op != "reshape" for n in graph.nodes) // 2


def _quantized_names(path: Path) -> dict[int, str]:
    """For each node of the file the quantized tensor that its result becomes."""
    nodes = list(onnx.load(path).graph.node)
    readers: dict[str, list[onnx.NodeProto]] = {}
    for n in nodes:
        for tensor in n.input:
            readers.setdefault(tensor, []).append(n)
    result: dict[int, str] = {}
    for index, n in enumerate(nodes):
        tensor = n.output[0]
        while [r.op_type for r in readers.get(tensor, [])] in (["Relu"], ["Clip"]):
            tensor = readers[tensor][0].output[0]
        found = [r.output[0] for r in readers.get(tensor, []) if r.op_type == "QuantizeLinear"]
        result[index] = tensor if n.op_type == "QuantizeLinear" else next(iter(found), "")
    return result


def _is_last(graph: Graph, name: str) -> bool:
    """Whether a node is the last one that its node of the file became."""
    node = next(n for n in graph.nodes if n.name == name)
    return [n for n in graph.nodes if n.origin == node.origin][-1] is node


def _stored(golden: np.ndarray, like: np.ndarray) -> np.ndarray:
    """A result of the file (mostly NCHW) in the order of dimensions that our graph stores."""
    last = np.moveaxis(golden, 1, -1) if golden.ndim > 2 else golden
    return last if last.shape == like.shape else golden.reshape(like.shape)
