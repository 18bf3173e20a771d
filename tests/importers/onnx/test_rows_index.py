"""Operators that choose by index, against ONNX's reference evaluator."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from tests.importers.onnx.builder import imported, model, node
from tests.ops_support import check_lowering
from tinycc_ml.errors import ModelFileError, TinyccError
from tinycc_ml.ops import evaluate, integerize

X = np.array([[3, -1, 4, 1], [-5, 9, 4, 9], [0, 0.5, np.inf, -np.inf]], np.float32)
INTEGERS = np.array([[3, -128, 4], [127, 0, 5]], np.int8)
Case = tuple[str, dict[str, Any], dict[str, np.ndarray]]
INDICES = {"i": np.array([[0, -1], [2, 0]])}
DUPLICATES = {"i": np.array([[0, 1], [0, 1], [0, -1]]), "u": np.ones((3, 2), np.float32) * 3}
CASES: list[Case] = [
    ("ArgMax", {"axis": 1}, {}),
    ("ArgMax", {"axis": -1, "select_last_index": 1, "keepdims": 0}, {}),
    ("ArgMin", {}, {}),
    ("Compress", {}, {"c": np.array([True, False, True, True, False, True])}),
    ("Compress", {"axis": 1}, {"c": np.array([False, True, True])}),
    ("GatherElements", {"axis": 1}, {"i": np.array([[0, -1], [2, 0], [1, 1]])}),
    ("GatherND", {}, {"i": np.array([[0, 1], [-1, 2]])}),
    ("GatherND", {"batch_dims": 1}, {"i": np.array([[1], [3], [0]])}),
    ("Hardmax", {"axis": 0}, {}),
    ("IsInf", {}, {}),
    ("IsInf", {"detect_positive": 0}, {}),
    ("IsNaN", {}, {}),
    ("ReverseSequence", {}, {"n": np.array([1, 2, 3, 0])}),
    ("ReverseSequence", {"time_axis": 1, "batch_axis": 0}, {"n": np.array([4, 2, 3])}),
    ("ScatterElements", {"axis": 1}, {**INDICES, "u": np.ones((2, 2), np.float32)}),
    *(
        ("ScatterElements", {"axis": 1, "reduction": how}, DUPLICATES)
        for how in ("add", "mul", "max", "min")
    ),
    ("ScatterND", {}, {"i": np.array([[0], [2]]), "u": np.zeros((2, 4), np.float32)}),
    ("Shrink", {"lambd": 1.5, "bias": 1.0}, {}),
    ("ThresholdedRelu", {"alpha": 3.0}, {}),
    ("Trilu", {}, {"k": np.array(1)}),
    ("Trilu", {"upper": 0}, {}),
    ("CenterCropPad", {}, {"s": np.array([5, 3])}),
    ("EyeLike", {"k": -1}, {}),
    ("ReduceProd", {}, {"a": np.array([1])}),
    ("ReduceProd", {"keepdims": 0}, {"a": np.array([], np.int64)}),
    ("Shape", {"start": 1}, {}),
    ("Size", {}, {}),
]


def _model(case: Case, opset: int = 18) -> bytes:
    operator, attributes, constants = case
    nodes = [node(operator, ["x", *constants], ["y"], **attributes)]
    return model(nodes, {"x": X.shape}, ["y"], constants, opset=opset)


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{'-'.join(map(str, c[1].items()))}")
def test_as_the_reference_evaluator(case: Case) -> None:
    data = _model(case)
    with np.errstate(all="ignore"):
        (expected,) = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"x": X})
    graph = integerize(imported(data))
    values = evaluate(graph, (X,))
    (output,) = graph.outputs
    assert values[output].dtype == expected.dtype
    np.testing.assert_array_equal(values[output], expected)
    for layer in graph.layers:
        check_lowering(layer, values)


def test_clip_of_plain_integers() -> None:
    bounds = {"low": np.array(-4, np.int8), "high": np.array(4, np.int8)}
    nodes = [node("Clip", ["x", *bounds], ["y"])]
    data = model(nodes, {"x": [2, 3]}, ["y"], bounds, types={"x": TensorProto.INT8})
    graph = integerize(imported(data))
    values = evaluate(graph, (INTEGERS,))
    np.testing.assert_array_equal(values[graph.outputs[0]], INTEGERS.clip(-4, 4))


def test_swiglu() -> None:
    made = node("SwiGLU", ["x", "b"], ["y"], alpha=0.5)
    graph = integerize(imported(model([made], {"x": [3], "b": [3]}, ["y"], opset=27)))
    x, b = np.array([[1, -2, 0], [2, 3, 4]], np.float32)
    values = evaluate(graph, (x, b))
    np.testing.assert_allclose(values[graph.outputs[0]], x * b / (1 + np.exp(-x / 2)), 1e-6)


def test_a_model_whose_only_result_is_a_constant_needs_an_input() -> None:
    with pytest.raises(TinyccError, match="output 0 is a constant"):
        imported(model([node("Constant", [], ["y"], value_float=1.0)], {}, ["y"]))


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
def test_gather_at_indices_of_run_time(dtype: str, axis: int, shape: tuple[int, ...]) -> None:
    made = node("Gather", ["x", "i"], ["y"], axis=axis)
    code = TensorProto.INT64 if dtype == "int64" else TensorProto.INT32
    data = model([made], {"x": (3, 4, 5), "i": shape}, ["y"], types={"i": code})
    x = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    indices = np.resize(np.array([-1, 2, 0, -3], dtype), shape)
    graph = integerize(imported(data))
    values = evaluate(graph, (x, indices))
    np.testing.assert_array_equal(values[graph.outputs[0]], x.take(indices, axis))
    for layer in graph.layers:
        check_lowering(layer, values)


@pytest.mark.parametrize("axis", [-1, 0])
def test_one_hot_of_any_index(axis: int) -> None:
    constants = {"d": np.array(4), "v": np.array([2, 5], np.float32)}
    nodes = [node("OneHot", ["x", "d", "v"], ["y"], axis=axis)]
    data = model(nodes, {"x": [5]}, ["y"], constants, types={"x": TensorProto.INT64})
    graph = integerize(imported(data))
    values = evaluate(graph, (np.array([0, 3, -1, 4, -5]),))
    expected = np.full((5, 4), 2, np.float32)
    expected[[0, 1, 2], [0, 3, 3]] = 5
    np.testing.assert_array_equal(values[graph.outputs[0]], expected if axis else expected.T)


def test_a_cache_that_is_written_around_its_end() -> None:
    constants = {"u": np.full((1, 2, 4), 7, np.float32), "i": np.array([2])}
    made = helper.make_node("TensorScatter", ["x", "u", "i"], ["y"], mode="circular")
    graph = integerize(imported(model([made], {"x": [1, 3, 4]}, ["y"], constants, opset=24)))
    values = evaluate(graph, (X[None],))
    expected = X.copy()
    expected[[2, 0]] = 7
    np.testing.assert_array_equal(values[graph.outputs[0]], expected[None])


@pytest.mark.parametrize(
    "case",
    [
        ("GatherElements", {}, {"i": np.array([[3]])}),
        ("GatherND", {}, {"i": np.array([[0, 4]])}),
        ("ScatterND", {}, {"i": np.array([[0]]), "u": np.zeros((1, 3), np.float32)}),
        ("ReverseSequence", {}, {"n": np.array([1, 2, 4, 0])}),
        ("CenterCropPad", {}, {"s": np.array([0, 4])}),
    ],
)
def test_nonsense_is_refused(case: Case) -> None:
    with pytest.raises(ModelFileError):
        imported(_model(case))


def test_results_without_elements_are_refused() -> None:
    with pytest.raises(TinyccError, match="without elements"):
        imported(_model(("Compress", {}, {"c": np.array([False])})))
