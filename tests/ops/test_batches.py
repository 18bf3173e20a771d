"""Layers of images applied to batches of them, against TensorFlow Lite Micro."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops.one_op import one_op
from tests.ops.single_op import data
from tests.ops_support import check_model, layer_graph
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError

Q = (0.5, 3)
POOL = {"padding": "SAME", "stride_h": 2, "stride_w": 1, "filter_height": 2, "filter_width": 3}


def convolution(builtin: str, batch: int) -> bytes:
    b = ModelBuilder()
    x = b.input("x", (batch, 5, 4, 2), "int8", *Q)
    shape = (3, 3, 3, 2) if builtin == "CONV_2D" else (1, 3, 3, 2)
    channels = 3 if builtin == "CONV_2D" else 2
    w = b.constant("w", np.maximum(data(1, shape), -127), 0.25, 0)
    bias = b.constant("b", np.arange(channels, dtype=np.int32) * 100, 0.125, 0)
    y = b.tensor("y", (batch, 3, 4, channels), "int8", 20.0, -7)
    stride: dict[str, Any] = {"padding": "SAME", "stride_h": 2, "stride_w": 1}
    if builtin == "DEPTHWISE_CONV_2D":
        stride["depth_multiplier"] = 1
    b.operator(builtin, [x, w, bias], [y], **stride)
    b.output(y)
    return b.build()


@pytest.mark.parametrize("builtin", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_convolutions(builtin: str) -> None:
    check_model(convolution(builtin, 3), data(2, (3, 5, 4, 2)))


@pytest.mark.parametrize("builtin", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pooling(builtin: str) -> None:
    shape = (2, 5, 4, 2)
    check_model(one_op(builtin, [(shape, Q)], [((2, 3, 4, 2), Q)], **POOL), data(3, shape))


def test_resizing() -> None:
    size = np.array([4, 3], np.int32)
    model = one_op("RESIZE_BILINEAR", [((3, 2, 5, 2), Q), size], [((3, 4, 3, 2), Q)])
    check_model(model, data(4, (3, 2, 5, 2)))


def test_a_large_batch() -> None:
    with pytest.raises(UnsupportedError, match="batch 65"):
        layer_graph(convolution("CONV_2D", 65))
