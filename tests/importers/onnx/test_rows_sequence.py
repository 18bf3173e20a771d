"""Sequences of tensors, against ONNX's reference evaluator."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto
from onnx.reference import ReferenceEvaluator

from tests.importers.onnx.builder import imported, model, node
from tinycc_ml.errors import ModelFileError, UnsupportedError
from tinycc_ml.ops import evaluate, integerize

X, Y = np.random.default_rng(3).normal(size=(2, 3, 4)).astype(np.float32)
CONSTANTS = {
    "first": np.array(0), "last": np.array(-1), "two": np.array(2), "parts": np.array([1, 2]),
}  # fmt: skip
BOTH = node("SequenceConstruct", ["x", "y"], ["s"])
CASES: dict[str, list[NodeProto]] = {
    "at": [BOTH, node("SequenceAt", ["s", "last"], ["r"])],
    "insert": [
        node("SequenceEmpty", [], ["e"]),
        node("SequenceInsert", ["e", "x"], ["s"]),
        node("SequenceInsert", ["s", "y", "first"], ["t"]),
        node("SequenceAt", ["t", "first"], ["r"]),
    ],
    "erase": [
        BOTH,
        node("SequenceErase", ["s"], ["t"]),
        node("SequenceInsert", ["t", "y", "last"], ["u"]),
        node("ConcatFromSequence", ["u"], ["r"], axis=1),
    ],
    "stack": [BOTH, node("ConcatFromSequence", ["s"], ["r"], axis=-1, new_axis=1)],
    "split": [
        node("SplitToSequence", ["x"], ["s"], axis=1, keepdims=0),
        node("SequenceErase", ["s", "first"], ["t"]),
        node("SequenceAt", ["t", "first"], ["r"]),
    ],
    "split in pairs": [
        node("SplitToSequence", ["x", "two"], ["s"]),
        node("SequenceAt", ["s", "last"], ["r"]),
    ],
    "split in parts": [
        node("SplitToSequence", ["x", "parts"], ["s"]),
        node("SequenceAt", ["s", "last"], ["r"]),
    ],
}


@pytest.mark.parametrize("case", CASES)
def test_as_the_reference_evaluator(case: str) -> None:
    data = model(CASES[case], {"x": X.shape, "y": Y.shape}, ["r"], CONSTANTS)
    (expected,) = ReferenceEvaluator(onnx.load_from_string(data)).run(None, {"x": X, "y": Y})
    graph = integerize(imported(data))
    values = evaluate(graph, (X, Y))
    np.testing.assert_array_equal(values[graph.outputs[0]], expected)


def test_the_number_of_tensors_is_known() -> None:
    nodes = [
        node("SplitToSequence", ["x"], ["s"]),
        node("SequenceLength", ["s"], ["n"]),
        node("Gather", ["x", "n"], ["r"], axis=1),
    ]
    graph = integerize(imported(model(nodes, {"x": X.shape}, ["r"])))
    np.testing.assert_array_equal(evaluate(graph, (X,))[graph.outputs[0]], X[:, 3])


@pytest.mark.parametrize(
    ("nodes", "match"),
    [
        ([BOTH, node("SequenceAt", ["s", "two"], ["r"])], "position"),
        ([node("SequenceEmpty", [], ["s"]), node("SequenceErase", ["s"], ["t"]),
          node("SequenceAt", ["t", "first"], ["r"])], "nothing to erase"),
        ([node("SequenceEmpty", [], ["s"]), node("ConcatFromSequence", ["s"], ["r"], axis=0)],
         "nothing to concatenate"),
        ([node("SplitToSequence", ["x", "last"], ["s"]), node("SequenceAt", ["s", "last"], ["r"])],
         "parts of -1"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(nodes: list[NodeProto], match: str) -> None:
    with pytest.raises(ModelFileError, match=match):
        imported(model(nodes, {"x": X.shape, "y": Y.shape}, ["r"], CONSTANTS))


@pytest.mark.parametrize(
    ("nodes", "match"),
    [
        ([BOTH, node("Relu", ["s"], ["r"])], "input 0 is a sequence"),
        ([node("SequenceAt", ["x", "first"], ["r"])], "input 0 is no sequence"),
        ([node("Relu", ["x"], ["y2"]), node("SequenceConstruct", ["y2"], ["r"])], "output 0"),
        ([BOTH, node("SequenceAt", ["s", "i"], ["r"])], "position computed at run time"),
    ],
)
def test_what_is_not_supported(nodes: list[NodeProto], match: str) -> None:
    inputs = {"x": X.shape, "y": Y.shape, "i": [1]}
    data = model(nodes, inputs, ["r"], CONSTANTS, types={"i": TensorProto.INT64})
    with pytest.raises(UnsupportedError, match=match):
        imported(data)
