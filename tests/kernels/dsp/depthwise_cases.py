"""Depthwise layers drawn at random, with the data that is hardest to get right."""

from __future__ import annotations

from random import Random

import numpy as np

from tests.kernels.dsp.cases import Case, draw_constants, draw_numbers, int8_data
from tinycc_ml.dtypes import DType, from_numpy
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.dsp.depthwise_planes import DepthwisePlanes
from tinycc_ml.ops import Workload
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.window import Padding, same_padding, window_output

PLANES = DepthwisePlanes()
Pair = tuple[int, int]


def depthwise_workload(
    size: Pair,
    channels: int,
    attrs: DepthwiseConv2DAttrs,
    numbers: ConvNumbers,
    constants: tuple[Constant, ...],
) -> Workload:
    """The workload of one filter per channel and of these constants."""
    kernel_h, kernel_w = constants[0].array.shape[1:3]
    out = window_output(size, (kernel_h, kernel_w), attrs.stride, attrs.dilation, attrs.padding)
    roles = ("weight", "bias", "multiplier", "shift")
    return Workload(
        "depthwise_conv2d",
        attrs,
        numbers,
        (("input", TensorType((1, *size, channels), DType.INT8)),),
        tuple(
            (role, TensorType(c.array.shape, from_numpy(c.array.dtype)))
            for role, c in zip(roles, constants, strict=True)
        ),
        (("output", TensorType((1, *out, constants[0].array.shape[3]), DType.INT8)),),
    )


def depthwise_constants(r: Random, kernel: Pair, channels: int) -> tuple[Constant, ...]:
    """Weight, bias, multiplier, shift."""
    weight, *others = draw_constants(r, (channels, *kernel))
    return Constant(np.ascontiguousarray(weight.array.transpose(1, 2, 0)[None])), *others


def depthwise_case(r: Random, scale: int = 1) -> Case:
    """A layer; `scale` 1 is small enough for the interpreter."""
    kind = r.choice(["3x3", "3x3", "square", "any", "column", "row"])
    kernel = (r.randint(1, 5), r.randint(1, 5))
    if kind in ("3x3", "square"):
        kernel = (3, 3) if kind == "3x3" else (5, 5)
    if kind in ("column", "row"):
        kernel = (r.randint(1, 9), 1) if kind == "column" else (1, r.randint(1, 9))
    stride = r.choice([(1, 1), (1, 1), (2, 2), (r.randint(1, 3), r.randint(1, 3))])
    dilation = (1, 1) if r.random() < 0.8 else (r.randint(1, 2), r.randint(1, 2))
    padding = Padding(*(r.randint(0, 2) for _ in range(4))) if r.random() < 0.5 else Padding()
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = (spans[0] + r.randint(0, 7 * scale), spans[1] + r.randint(0, 7 * scale))
    if r.random() < 0.5:
        size = (r.randint(1, 9 * scale), r.randint(1, 9 * scale))
        padding = same_padding(size, kernel, stride, dilation)
    channels = r.choice([4, 8, 12, r.randint(4, 9 * scale)])
    constants = depthwise_constants(r, kernel, channels)
    numbers = draw_numbers(r, 0 if padding.is_empty else r.choice([-128, 127, 0, 5]))
    attrs = DepthwiseConv2DAttrs(stride, dilation, padding)
    workload = depthwise_workload(size, channels, attrs, numbers, constants)
    return Case(PLANES, workload, constants, int8_data(r, (1, *size, channels)))
