"""Small models that several tests import: one operator each, or all of them in one file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.tflite_builder import ModelBuilder

Shape = tuple[int, ...]


def one_operator(
    builtin: str,
    inputs: Sequence[Shape | np.ndarray | None],
    output: Shape,
    *,
    scale: float = 0.5,
    zero_point: int = -3,
    out_scale: float | None = 0.5,
    out_zero_point: int = -3,
    in_dtype: str = "int8",
    out_dtype: str = "int8",
    **options: Any,
) -> ModelBuilder:
    """A model of one operator: a shape is an input, an array a constant, ``None`` is absent.

    Tensors are numbered in the order of `inputs`, the output comes last.
    """
    b = ModelBuilder()
    numbers: list[int] = []
    for i, operand in enumerate(inputs):
        if operand is None:
            numbers.append(-1)
        elif isinstance(operand, np.ndarray):
            is_weight = operand.dtype == np.int8
            numbers.append(b.constant(f"c{i}", operand, *((0.02, 0) if is_weight else ())))
        else:
            numbers.append(b.input(f"in{i}", operand, in_dtype, scale, zero_point))
    y = b.tensor("out", output, out_dtype, out_scale, out_zero_point)
    b.operator(builtin, numbers, [y], **options)
    b.output(y)
    return b


def weights(*shape: int) -> np.ndarray:
    """Weights that differ, the same each time."""
    return np.random.default_rng(7).integers(-127, 128, shape).astype(np.int8)


def bias(count: int) -> np.ndarray:
    """As many biases."""
    return np.random.default_rng(8).integers(-500, 500, count).astype(np.int32)


def everything() -> ModelBuilder:
    """Every operator that can be imported, in one network with two inputs and two outputs."""
    b = ModelBuilder()
    q = {"scale": 0.25, "zero_point": 4}

    def act(name: str, *shape: int, **more: Any) -> int:
        return b.tensor(name, shape, "int8", **{**q, **more})

    raw = b.input("raw", (1, 6, 6, 2), "float32")
    other = b.input("other", (1, 6, 6, 3), "int8", **q)
    x = act("quantized", 1, 6, 6, 2)
    b.operator("QUANTIZE", [raw], [x])
    paddings = b.constant("paddings", np.array([[0, 0], [1, 0], [0, 1], [0, 0]], np.int32))
    padded = act("padded", 1, 7, 7, 2)
    b.operator("PAD", [x, paddings], [padded])
    w = b.constant("w", weights(3, 3, 3, 2), [0.01, 0.02, 0.03], [0, 0, 0], axis=0)
    wb = b.constant("wb", bias(3), [0.0025, 0.005, 0.0075], [0, 0, 0], axis=3)
    conv = act("conv", 1, 7, 7, 3)
    b.operator(
        "CONV_2D",
        [padded, w, wb],
        [conv],
        padding="SAME",
        stride_h=1,
        stride_w=1,
        activation="RELU",
    )
    v = b.constant("v", weights(1, 2, 2, 3), [0.01, 0.02, 0.03], [0, 0, 0], axis=3)
    depthwise = act("depthwise", 1, 6, 6, 3)
    b.operator(
        "DEPTHWISE_CONV_2D",
        [conv, v],
        [depthwise],
        padding="VALID",
        stride_h=1,
        stride_w=1,
        depth_multiplier=1,
    )
    total = act("sum", 1, 6, 6, 3)
    b.operator("ADD", [depthwise, other], [total], activation="RELU6")
    relu, relu6 = act("relu", 1, 6, 6, 3), act("relu6", 1, 6, 6, 3)
    b.operator("RELU", [total], [relu])
    b.operator("RELU6", [relu], [relu6])
    pools = {"padding": "SAME", "stride_h": 2, "stride_w": 2, "filter_height": 2, "filter_width": 2}
    average, maximum = act("average", 1, 3, 3, 3), act("maximum", 1, 3, 3, 3)
    b.operator("AVERAGE_POOL_2D", [relu6], [average], **pools)
    b.operator("MAX_POOL_2D", [relu6], [maximum], **pools)
    joined = act("joined", 1, 3, 3, 6)
    b.operator("CONCATENATION", [average, maximum], [joined], axis=-1)
    sigmoid = act("sigmoid", 1, 3, 3, 6, scale=1 / 256, zero_point=-128)
    b.operator("LOGISTIC", [joined], [sigmoid])
    product = act("product", 1, 3, 3, 6)
    b.operator("MUL", [joined, sigmoid], [product])
    axes = b.constant("axes", np.array([1, 2], np.int32))
    mean = act("mean", 1, 6)
    b.operator("MEAN", [product, axes], [mean], keep_dims=False)
    shape = b.constant("shape", np.array([1, -1], np.int32))
    flat = act("flat", 1, 54)
    b.operator("RESHAPE", [product, shape], [flat], new_shape=[1, 54])
    u = b.constant("u", weights(5, 54), 0.02, 0, axis=0)
    dense = act("dense", 1, 5)
    b.operator("FULLY_CONNECTED", [flat, u, -1], [dense])
    softmax = act("softmax", 1, 5, scale=1 / 256, zero_point=-128)
    b.operator("SOFTMAX", [dense], [softmax], beta=1.0)
    real = b.tensor("real", (1, 6), "float32")
    b.operator("DEQUANTIZE", [mean], [real])
    b.output(softmax, real)
    return b
