"""A network with everything that runs row by row: strides, skips, joins, sums."""

from __future__ import annotations

import numpy as np

from tests.tflite_builder import ModelBuilder

Q = {"scale": 0.05, "zero_point": 3}


def _weights(b: ModelBuilder, shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    rng = np.random.default_rng(len(b.tensors))
    count = shape[axis]
    scales = (0.01 * (1 + rng.random(count))).tolist()
    data = rng.integers(-127, 128, shape).astype(np.int8)
    bias = rng.integers(-2000, 2000, count).astype(np.int32)
    name = f"c{len(b.tensors)}"
    return (
        b.constant(f"{name}_w", data, scales, [0] * count, axis),
        b.constant(f"{name}_b", bias, 0.0025, 0),
    )


def _conv(
    b: ModelBuilder,
    x: int,
    shape: tuple[int, ...],
    channels: tuple[int, int],
    kernel: int,
    stride: int = 1,
) -> int:
    w, bias = _weights(b, (channels[1], kernel, kernel, channels[0]), 0)
    y = b.tensor(f"y{len(b.tensors)}", shape, "int8", **Q)
    b.operator("CONV_2D", [x, w, bias], [y], padding="SAME", stride_w=stride, stride_h=stride)
    return y


def rows(height: int = 11, width: int = 6, channels: int = 4) -> bytes:
    """Convolution, depthwise, a residual block with a strided skip, a join, a mean."""
    b = ModelBuilder()
    x = b.input("x", (1, height, width, 3), "int8", **Q)
    first = _conv(b, x, (1, height, width, channels), (3, channels), 3)
    w, bias = _weights(b, (1, 3, 3, channels), 3)
    deep = b.tensor("deep", (1, height, width, channels), "int8", **Q)
    b.operator(
        "DEPTHWISE_CONV_2D",
        [first, w, bias],
        [deep],
        padding="SAME",
        stride_w=1,
        stride_h=1,
        depth_multiplier=1,
    )
    half = (1, -(-height // 2), -(-width // 2), channels)
    main = _conv(b, deep, half, (channels, channels), 3, stride=2)
    main = _conv(b, main, half, (channels, channels), 3)
    skip = _conv(b, deep, half, (channels, channels), 1, stride=2)
    added = b.tensor("added", half, "int8", **Q)
    b.operator("ADD", [skip, main], [added])
    pooled = b.tensor("pooled", half, "int8", **Q)
    b.operator(
        "MAX_POOL_2D",
        [added],
        [pooled],
        padding="SAME",
        stride_w=1,
        stride_h=1,
        filter_width=3,
        filter_height=2,
        fused_activation_function="NONE",
    )
    joined = b.tensor("joined", (*half[:3], 2 * channels), "int8", **Q)
    b.operator("CONCATENATION", [pooled, added], [joined], axis=3)
    last = _conv(b, joined, (*half[:3], 5), (2 * channels, 5), 1)
    mean = b.tensor("mean", (1, 5), "int8", **Q)
    axes = b.constant("axes", np.array([1, 2], np.int32))
    b.operator("MEAN", [last, axes], [mean], keep_dims=False)
    b.output(mean)
    return b.build()
