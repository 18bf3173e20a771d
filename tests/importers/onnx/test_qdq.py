"""Operators between DequantizeLinear and QuantizeLinear, against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from onnx import TensorProto

from tests.importers.onnx.builder import Qdq, imported, model, node, ops
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Graph
from tinycc_ml.ops import evaluate, integerize

_RNG = np.random.default_rng(5)
_UINT8 = 2


def run(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    values = evaluate(integerize(graph), inputs)
    return [values[name] for name in graph.outputs]


def _onnxruntime(data: bytes, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return [np.asarray(y) for y in session.run(None, dict(inputs))]


def compare(data: bytes, expected_ops: list[str], step: float, *arrays: np.ndarray) -> None:
    """The graph's operators, and that its outputs are within one step of ONNX Runtime's."""
    graph = imported(data)
    assert ops(graph) == expected_ops
    names = [f"x{i}" for i in range(len(arrays))]
    expected = _onnxruntime(data, dict(zip(names, arrays, strict=True)))
    for found, y in zip(run(graph, arrays), expected, strict=True):
        assert found.shape == y.shape and found.dtype == y.dtype
        assert np.abs(found.astype(float) - y.astype(float)).max() <= step * 1.001


def _float(*shape: int) -> np.ndarray:
    return _RNG.normal(0, 1, shape).astype(np.float32)


def _weight(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    array = _RNG.integers(-127, 128, shape).astype(np.int8)
    return array, _RNG.uniform(0.002, 0.01, shape[0]).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("activation", ["", "Relu", "Clip"])
def test_conv(dtype: type, activation: str) -> None:
    q = Qdq(dtype)
    x = q.both("x0", 0.03, 5)
    w = q.weight(*_weight(6, 1, 3, 3))
    y = q.add("Conv", [x, w, q.constant(_float(6))], pads=[1, 1, 1, 1], strides=[2, 2])
    if activation:
        bounds = [q.constant(np.float32(0)), q.constant(np.float32(6))]
        y = q.add(activation, [y, *(bounds if activation == "Clip" else [])])
    y = q.both(y, 0.02, -128 if activation else 3)
    # The result is NCHW again, which needs a transpose: another reader takes it as it is.
    y = q.both(q.add("GlobalAveragePool", [y]), 0.02, -10)
    data = q.build({"x0": [1, 1, 8, 8]}, [y])
    names = ["quantize", "reshape", "conv2d", "mean", "reshape", "dequantize"]
    compare(data, names, 0.02, _float(1, 1, 8, 8))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_depthwise_with_float_bias_and_transposes(dtype: type) -> None:
    q = Qdq(dtype)
    x = q.add("Transpose", [q.both("x0", 0.03, 5)], perm=[0, 3, 1, 2])
    w = q.weight(*_weight(8, 1, 3, 3))
    y = q.both(q.add("Conv", [x, w], group=4, auto_pad="SAME_UPPER"), 0.02, 3)
    y = q.add("Transpose", [y], perm=[0, 2, 3, 1])
    data = q.build({"x0": [1, 7, 6, 4]}, [y])
    compare(data, ["quantize", "depthwise_conv2d", "dequantize"], 0.02, _float(1, 7, 6, 4))


def test_grouped_conv() -> None:
    q = Qdq()
    x = q.add("Transpose", [q.both("x0", 0.03, 5)], perm=[0, 3, 1, 2])
    y = q.both(q.add("Conv", [x, q.weight(*_weight(6, 2, 1, 1))], group=2), 0.02, 3)
    y = q.add("Transpose", [y], perm=[0, 2, 3, 1])
    data = q.build({"x0": [1, 3, 3, 4]}, [y])
    compare(data, ["quantize", "conv2d", "dequantize"], 0.02, _float(1, 3, 3, 4))


def test_conv_of_three_dimensions() -> None:
    q = Qdq()
    x = q.add("Transpose", [q.both("x0", 0.03, 5)], perm=[0, 4, 1, 2, 3])
    w = q.weight(*_weight(6, 2, 3, 2, 2))
    y = q.add("Conv", [x, w, q.constant(_float(6))], group=2, pads=[1, 1, 0, 1, 0, 1])
    y = q.add("Transpose", [q.both(q.add("Relu", [y]), 0.03, -128)], perm=[0, 2, 3, 4, 1])
    data = q.build({"x0": [1, 4, 5, 3, 4]}, [y])
    compare(data, ["quantize", "conv3d", "dequantize"], 0.03, _float(1, 4, 5, 3, 4))


def test_embedding_by_indices_of_run_time() -> None:
    q = Qdq()
    table = q.weight(_weight(7, 4)[0], np.array(0.01, np.float32))
    y = q.both(q.add("Add", [q.add("Gather", [table, "x0"]), q.both("x1", 0.02, 1)]), 0.03, 2)
    data = model(
        q.nodes, {"x0": [2, 3], "x1": [3, 4]}, [y], q.constants, types={"x0": TensorProto.INT64}
    )
    names = ["cast", "integer_mod", "gather", "quantize", "reshape", "add", "dequantize"]
    compare(data, names, 0.03, np.array([[0, 6, -1], [3, -7, 2]]), _float(3, 4))


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("per_row", [False, True])
def test_gru(direction: str, per_row: bool) -> None:
    size, count = 6, 2 if direction == "bidirectional" else 1
    q = Qdq()
    weights = []
    for columns in (4, size):
        array = _RNG.integers(-127, 128, (count, 3 * size, columns)).astype(np.int8)
        scales = _RNG.uniform(0.002, 0.006, 3 * size if per_row else ())
        weights.append(q.weight(array, np.asarray(scales, np.float32), axis=1))
    bias = q.constant(_float(count, 6 * size) / 4)
    y = f"v{len(q.nodes)}"
    names = [q.both("x0", 0.03, 5), *weights, bias]
    q.nodes.append(node("GRU", names, [y], hidden_size=size, direction=direction,
                        linear_before_reset=1))  # fmt: skip
    y = q.add("Transpose", [y], perm=[0, 2, 1, 3])
    data = q.build({"x0": [5, 1, 4]}, [q.both(y, 1 / 128, -1)])
    x = _float(5, 1, 4)
    graph = imported(data)
    assert ops(graph).count("gru") == count and "recurrent" not in ops(graph)
    (expected,) = _onnxruntime(data, {"x0": x})
    (found,) = run(graph, [x])
    assert np.abs(found - expected).max() <= 3.001 / 128


def test_gru_whose_last_state_is_read_stays_real() -> None:
    q = Qdq()
    scale = np.array(0.004, np.float32)
    w = [q.weight(_weight(1, 12, n)[0], scale) for n in (3, 4)]
    y, last = "sequence", "last"
    q.nodes.append(node("GRU", [q.both("x0", 0.03, 5), *w], [y, last], hidden_size=4,
                        linear_before_reset=1))  # fmt: skip
    data = q.build({"x0": [5, 1, 3]}, [q.both(y, 1 / 128, -1), last])
    assert "recurrent" in ops(imported(data))


def test_gemm_and_a_scalar_factor() -> None:
    q = Qdq()
    w, s = _weight(3, 8)
    y = q.add("Gemm", [q.both("x0", 0.03, 5), q.weight(w.T.copy(), s, axis=1)], alpha=0.5)
    y = q.both(y, 0.01, 3)
    y = q.both(q.add("Mul", [y, q.constant(np.float32(-0.37))]), 0.005, 0)
    data = q.build({"x0": [1, 8]}, [y])
    compare(data, ["quantize", "fully_connected", "table", "dequantize"], 0.005, _float(1, 8))


def test_add_concat_and_pooling() -> None:
    q = Qdq()
    a, b = q.both("x0", 0.03, 5), q.both("x1", 0.02, -7)
    total = q.both(q.add("Add", [a, b]), 0.04, 1)
    both = q.both(q.add("Concat", [total, a], axis=2), 0.04, 1)
    pooled = q.both(q.add("MaxPool", [both], kernel_shape=[2, 2], strides=[2, 2]), 0.04, 1)
    mean = q.add("AveragePool", [pooled], kernel_shape=[2, 2], pads=[0, 0, 1, 1])
    y = q.both(mean, 0.04, 1)
    data = q.build({"x0": [1, 1, 4, 6], "x1": [1, 1, 4, 6]}, [y])
    found = ops(imported(data))
    assert found.count("quantize") == 3  # both inputs, and one operand of the concatenation
    assert {"add", "concatenation", "max_pool2d", "average_pool2d", "dequantize"} <= set(found)
    compare(data, found, 0.04, _float(1, 1, 4, 6), _float(1, 1, 4, 6))


@pytest.mark.parametrize("op", ["Sigmoid", "Softmax"])
def test_probabilities(op: str) -> None:
    q = Qdq(np.uint8)
    y = q.both(q.add(op, [q.both("x0", 0.05, 5)]), 1 / 255, -128)
    data = q.build({"x0": [1, 10]}, [y])
    inner = {"Sigmoid": ["table"], "Softmax": ["softmax", "quantize"]}[op]
    names = ["quantize", *inner, "dequantize"]
    compare(data, names, 1 / 255, _float(1, 10) * 3)


def test_requantization_and_identical_pairs() -> None:
    q = Qdq()
    x = q.both(q.both("x0", 0.05, 5), 0.05, 5)
    y = q.both(x, 0.08, -3)
    data = q.build({"x0": [2, 5]}, [y])
    compare(data, ["quantize", "quantize", "dequantize"], 0.08, _float(2, 5))


def test_a_model_with_uint8_inputs_and_outputs() -> None:
    q = Qdq(np.uint8)
    x = q.dequantize("x0", 0.05, 5)
    y = q.quantize(q.add("Gemm", [x, q.weight(*_weight(3, 4))], transB=1), 0.02, 9)
    data = model(q.nodes, {"x0": [1, 4]}, [y], q.constants, types={"x0": _UINT8, y: _UINT8})
    graph = imported(data)
    assert graph.types[graph.inputs[0]].dtype is DType.UINT8
    x_q = np.array([[0, 255, 17, 130]], np.uint8)
    compare(data, ["quantize", "fully_connected", "quantize"], 1, x_q)


def test_uint8_weights_around_128_are_int8_weights() -> None:
    q = Qdq(np.uint8)
    array, scales = _weight(3, 4)
    w = q.constant((array.astype(np.int16) + 128).astype(np.uint8))
    s, z = q.constant(scales), q.constant(np.full(3, 128, np.uint8))
    q.nodes.append(node("DequantizeLinear", [w, s, z], ["w"], axis=0))
    y = q.both(q.add("Gemm", [q.both("x0", 0.03, 5), "w"], transB=1), 0.02, 1)
    data = q.build({"x0": [1, 4]}, [y])
    compare(data, ["quantize", "fully_connected", "dequantize"], 0.02, _float(1, 4))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_qlinear_conv_and_matmul(dtype: type) -> None:
    offset = 128 if dtype is np.uint8 else 0
    w, scales = _weight(4, 1, 3, 3)
    m = _RNG.integers(-127, 128, (4, 5)).astype(np.int8)
    s = np.float32
    constants = {
        **{"s0": s(0.03), "z0": dtype(5 + offset), "s1": s(0.05), "z1": dtype(offset)},
        **{"w": w, "sw": scales, "zw": np.zeros(4, np.int8)},
        **{"b": _RNG.integers(-900, 900, 4).astype(np.int32), "axes": np.array([2, 3])},
        **{"m": m, "sm": s(0.01), "zm": np.int8(0), "s2": s(0.04), "z2": dtype(3 + offset)},
    }
    nodes = [
        node("QuantizeLinear", ["x0", "s0", "z0"], ["xq"]),
        node("QLinearConv", ["xq", "s0", "z0", "w", "sw", "zw", "s1", "z1", "b"], ["c"]),
        node("Squeeze", ["c", "axes"], ["flat"]),
        node("QLinearMatMul", ["flat", "s1", "z1", "m", "sm", "zm", "s2", "z2"], ["y"]),
        node("DequantizeLinear", ["y", "s2", "z2"], ["out"]),
    ]
    data = model(nodes, {"x0": [1, 1, 3, 3]}, ["out"], constants)
    names = ["quantize", "reshape", "conv2d", "reshape", "fully_connected", "dequantize"]
    compare(data, names, 0.04, _float(1, 1, 3, 3))
