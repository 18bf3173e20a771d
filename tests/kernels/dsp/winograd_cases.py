"""3x3 layers drawn at random, with the data that is hardest to get right."""

from __future__ import annotations

from random import Random

import numpy as np

from tests.kernels.dsp.cases import Case, draw_constants, draw_numbers, int8_data
from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.dsp.winograd import Winograd
from tinycc_ml.kernels.dsp.winograd_algorithm import F2, F4
from tinycc_ml.ops import Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.window import Padding, window_output

KERNELS = {"f2": Winograd(F2), "f4": Winograd(F4)}
Pair = tuple[int, int]


def winograd_workload(
    size: Pair,
    in_channels: int,
    attrs: Conv2DAttrs,
    numbers: ConvNumbers,
    constants: tuple[Constant, ...],
) -> Workload:
    """The workload of these constants."""
    out_channels, kernel_h, kernel_w, _ = constants[0].array.shape
    out = window_output(size, (kernel_h, kernel_w), attrs.stride, attrs.dilation, attrs.padding)
    roles = ("weight", "bias", "multiplier", "shift")
    return Workload(
        "conv2d",
        attrs,
        numbers,
        (("input", TensorType((1, *size, in_channels), DType.INT8)),),
        tuple(
            (role, TensorType(c.array.shape, from_numpy(c.array.dtype)))
            for role, c in zip(roles, constants, strict=True)
        ),
        (("output", TensorType((1, *out, out_channels), DType.INT8)),),
    )


def winograd_case(name: str, r: Random, scale: int = 1) -> Case:
    """A layer for a kernel; `scale` 1 is small enough for the interpreter."""
    tile = KERNELS[name].algorithm.size
    padding = Padding(*(r.randint(0, 2) for _ in range(4))) if r.random() < 0.6 else Padding()
    least = (tile - padding.top - padding.bottom, tile - padding.left - padding.right)
    size = (max(1, least[0]) + r.randint(0, 7 * scale), max(1, least[1]) + r.randint(0, 7 * scale))
    in_channels = r.choice([1, 3, 4, 8, r.randint(1, 9 * scale), r.randint(1, 20 * scale)])
    out_channels = r.choice([1, 4, 5, 7, 8, r.randint(1, 9 * scale)])
    constants = draw_constants(r, (out_channels, 3, 3, in_channels))
    numbers = draw_numbers(r, 0 if padding.is_empty else r.choice([-128, 127, 0, 5]))
    attrs = Conv2DAttrs((1, 1), (1, 1), padding)
    workload = winograd_workload(size, in_channels, attrs, numbers, constants)
    return Case(KERNELS[name], workload, constants, int8_data(r, (1, *size, in_channels)))


def layer(name: str, size: Pair, channels: Pair, numbers: ConvNumbers) -> Case:
    """A layer with SAME padding whose outputs spread; channels of the input, then of the output."""
    rng = np.random.default_rng(size[0] * size[1])
    weight = rng.integers(-127, 128, (channels[1], 3, 3, channels[0])).astype(np.int8)
    typical = round(np.log2(74.0 * 74.0 * (9 * channels[0]) ** 0.5 / 60))
    constants = (
        Constant(weight),
        Constant(rng.integers(-3000, 3000, channels[1]).astype(np.int32)),
        Constant(rng.integers(1 << 30, 1 << 31, channels[1]).astype(np.int32)),
        Constant(np.full(channels[1], -typical, np.int8)),
    )
    attrs = Conv2DAttrs((1, 1), (1, 1), Padding(1, 1, 1, 1))
    workload = winograd_workload(size, channels[0], attrs, numbers, constants)
    x = rng.integers(-128, 128, (1, *size, channels[0])).astype(np.int8)
    return Case(KERNELS[name], workload, constants, x)
