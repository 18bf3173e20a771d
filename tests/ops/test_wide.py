"""Layers with int16 activations: every byte of TensorFlow Lite Micro's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.single_op import seeds
from tests.ops.window_cases import WindowCase, window_cases
from tests.ops_support import ACTIVATIONS, check_model
from tests.tflite_builder import ModelBuilder
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.tflite import import_tflite_bytes

differential = settings(max_examples=60, deadline=None, derandomize=True)
activations = st.sampled_from(ACTIVATIONS)


def int16(seed: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    limits = rng.choice([-32768, 32767], shape)
    return np.where(rng.random(shape) < 0.2, limits, rng.integers(-32768, 32768, shape)).astype(
        np.int16
    )


def model(
    builtin: str,
    x: tuple[int, ...],
    w: tuple[int, ...],
    out: tuple[int, ...],
    seed: int,
    axis: int | None,
    **options: object,
) -> bytes:
    """`axis`: along which the weight has a scale for each channel; ``None`` for one scale."""
    rng = np.random.default_rng(seed)
    channels = out[-1]
    count = 1 if axis is None else channels
    scales = (0.003 * (0.5 + rng.random(count))).astype(np.float32)
    taps = int(np.prod(w)) // channels
    output_scale = np.float32(0.001 * 0.003 * 90 * (1 + taps) ** 0.5 * 2.0 ** rng.integers(-2, 6))
    b = ModelBuilder()
    source = b.input("x", x, "int16", 0.001, 0)
    weight = rng.integers(-127, 128, w).astype(np.int8)
    bias = (rng.integers(-(2**20), 2**20, channels) * rng.choice([0, 1, 2**8])).astype(np.int64)
    operands = [
        b.constant("w", weight, scales.tolist(), [0] * count, axis=axis or 0),
        b.constant("b", bias, (scales * np.float32(0.001)).tolist(), [0] * count),
    ]
    y = b.tensor("y", out, "int16", float(output_scale), 0)
    b.operator(builtin, [source, *operands], [y], **options)
    b.output(y)
    return b.build()


@differential
@given(
    window_cases(dilated=True),
    st.integers(1, 3),
    st.integers(1, 4),
    activations,
    st.booleans(),
    seeds,
)
def test_conv2d(
    window: WindowCase, in_c: int, out_c: int, activation: str, per_channel: bool, seed: int
) -> None:
    x, w = (1, *window.in_size, in_c), (out_c, *window.kernel, in_c)
    options = {**window.options, "activation": activation}
    axis = 0 if per_channel else None
    data = model("CONV_2D", x, w, (1, *window.out_size, out_c), seed, axis, **options)
    check_model(data, int16(seed, *x))


@differential
@given(window_cases(dilated=True), st.integers(1, 3), st.integers(1, 2), activations, seeds)
def test_depthwise_conv2d(
    window: WindowCase, in_c: int, filters: int, activation: str, seed: int
) -> None:
    out_c = in_c * filters
    x, w = (1, *window.in_size, in_c), (1, *window.kernel, out_c)
    options = {**window.options, "activation": activation, "depth_multiplier": filters}
    out = (1, *window.out_size, out_c)
    data = model("DEPTHWISE_CONV_2D", x, w, out, seed, 3, **options)
    check_model(data, int16(seed, *x))


@differential
@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 6), activations, seeds)
def test_fully_connected(batch: int, in_c: int, out_c: int, activation: str, seed: int) -> None:
    x, w = (batch, in_c), (out_c, in_c)
    data = model("FULLY_CONNECTED", x, w, (batch, out_c), seed, None, activation=activation)
    check_model(data, int16(seed, *x))


@pytest.mark.parametrize("builtin", ["ADD", "SUB", "MUL"])
@differential
@given(
    shapes=st.sampled_from([((2, 3), (2, 3)), ((1, 4, 1, 3), (1, 1, 5, 3)), ((7,), (2, 1))]),
    scales=st.tuples(*[st.sampled_from([2.0**-12, 0.00031, 0.0007])] * 2),
    ratio=st.sampled_from([1.0, 1.7, 8.0]),
    activation=activations,
    seed=seeds,
)
def test_add_mul(
    builtin: str, shapes: tuple, scales: tuple, ratio: float, activation: str, seed: int
) -> None:
    b = ModelBuilder()
    x = [
        b.input(f"x{i}", shape, "int16", scale, 0)
        for i, (shape, scale) in enumerate(zip(shapes, scales, strict=True))
    ]
    largest = 32768 * scales[0] * scales[1] if builtin == "MUL" else max(scales)
    y = b.tensor("y", np.broadcast_shapes(*shapes), "int16", largest * ratio, 0)
    b.operator(builtin, x, [y], activation=activation)
    b.output(y)
    check_model(b.build(), *(int16(seed + i, *shape) for i, shape in enumerate(shapes)))


@pytest.mark.parametrize("builtin", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@differential
@given(window=window_cases(dilated=False), activation=activations, seed=seeds)
def test_pooling(builtin: str, window: WindowCase, activation: str, seed: int) -> None:
    kernel = {"filter_height": window.kernel[0], "filter_width": window.kernel[1]}
    b = ModelBuilder()
    x = b.input("x", (1, *window.in_size, 2), "int16", 0.0004, 0)
    y = b.tensor("y", (1, *window.out_size, 2), "int16", 0.0004, 0)
    b.operator(builtin, [x], [y], **window.options, **kernel, activation=activation)
    b.output(y)
    check_model(b.build(), int16(seed, 1, *window.in_size, 2))


@pytest.mark.parametrize(
    ("zero_point", "bias", "message"),
    [
        (3, np.zeros(2, np.int64), "input is int16 with zero point 3; allowed 0"),
        (0, np.zeros(2, np.int32), "the bias is int32; allowed int64"),
        (0, np.full(2, 1 << 60), "that is too much"),
    ],
)
def test_refuses(zero_point: int, bias: np.ndarray, message: str) -> None:
    b = ModelBuilder()
    x = b.input("x", (1, 4), "int16", 0.5, zero_point)
    w = b.constant("w", np.ones((2, 4), np.int8), 0.5, 0)
    y = b.tensor("y", (1, 2), "int16", 0.5, 0)
    b.operator("FULLY_CONNECTED", [x, w, b.constant("b", bias, 0.25, 0)], [y])
    b.output(y)
    with pytest.raises(UnsupportedError, match=message):
        import_tflite_bytes(b.build(), "m.tflite")
