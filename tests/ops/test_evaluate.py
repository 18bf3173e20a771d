"""evaluate: what it takes, what it returns, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops_support import layer_graph
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import DataError
from tinycc_ml.ops import LayerGraph, evaluate


def padded_and_pooled() -> LayerGraph:
    b = ModelBuilder()
    x = b.input("x", (1, 2, 2, 1), "int8", 0.5, 1)
    amounts = b.constant("amounts", np.array([[0, 0], [1, 0], [0, 0], [0, 0]], np.int32))
    padded = b.tensor("padded", (1, 3, 2, 1), "int8", 0.5, 1)
    b.operator("PAD", [x, amounts], [padded])
    y = b.tensor("y", (1, 1, 1, 1), "int8", 0.5, 1)
    window = {"filter_height": 3, "filter_width": 2, "stride_h": 1, "stride_w": 1}
    b.operator("MAX_POOL_2D", [padded], [y], padding="VALID", **window)
    b.output(y)
    return layer_graph(b.build())


def test_all_values_come_back_by_name() -> None:
    x = np.array([-4, -3, -2, -1], np.int8).reshape(1, 2, 2, 1)
    values = evaluate(padded_and_pooled(), [x])
    assert {name: array.reshape(-1).tolist() for name, array in values.items()} == {
        "t0": [-4, -3, -2, -1],
        "t2": [1, 1, -4, -3, -2, -1],
        "t3": [1],
    }


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [np.zeros((1, 2, 2, 1), np.int8)] * 2,
        [np.zeros((1, 2, 2, 2), np.int8)],
        [np.zeros((1, 2, 2, 1), np.uint8)],
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs: list[np.ndarray]) -> None:
    with pytest.raises(DataError):
        evaluate(padded_and_pooled(), inputs)
