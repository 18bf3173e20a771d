"""Float32 layers drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np

from tests.kernels.dsp.cases import Case
from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.fpu import FPU
from tinycc_ml.ops import Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.floats import FloatNumbers
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.window import Padding, same_padding, window_output

KERNELS = {d.name: d for d in FPU}
BY_OP = {d.op: d for d in FPU}
NUMBERS = (FloatNumbers(), FloatNumbers(0.0), FloatNumbers(0.0, 6.0))
Shape = tuple[int, ...]


def float_data(r: Random, shape: Shape) -> np.ndarray:
    """Of one size, of very different sizes, with many zeros, or subnormal."""
    rng = np.random.default_rng(r.getrandbits(32))
    x = rng.normal(size=shape)
    kind = r.choice(["alike", "alike", "different", "zeros", "tiny"])
    if kind == "different":
        x *= 10.0 ** rng.integers(-12, 13, shape)
    if kind == "zeros":
        x[rng.random(shape) < 0.6] = r.choice([0.0, -0.0])
    if kind == "tiny":
        x *= 1e-40
    return x.astype(np.float32)


def floats(shape: Shape) -> TensorType:
    """A tensor's type."""
    return TensorType(shape, DType.FLOAT32)


def window_case(r: Random, scale: int, *, depthwise: bool) -> Case:
    """A convolution; `scale` 1 is small enough for the interpreter."""
    kernel = r.choice([(1, 1), (3, 3), (3, 3), (r.randint(1, 5), r.randint(1, 5))])
    stride = r.choice([(1, 1), (1, 1), (2, 2), (r.randint(1, 3), r.randint(1, 3))])
    dilation = (1, 1) if r.random() < 0.7 else (r.randint(1, 3), r.randint(1, 2))
    padding = Padding(*(r.randint(0, 2) for _ in range(4))) if r.random() < 0.4 else Padding()
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = (spans[0] + r.randint(0, 2 * scale), spans[1] + r.randint(0, 3 * scale))
    if r.random() < 0.4:
        size = (r.randint(1, 4 * scale), r.randint(1, 5 * scale))
        padding = same_padding(size, kernel, stride, dilation)
    in_c = r.choice([1, 2, 3, 8, 9, r.randint(1, 5 * scale)])
    out_c = in_c if depthwise else r.choice([1, 5, 8, 9, r.randint(1, 9 * scale)])
    out = window_output(size, kernel, stride, dilation, padding)
    weight = (1, *kernel, out_c) if depthwise else (out_c, *kernel, in_c)
    name = "depthwise_conv2d" if depthwise else "conv2d"
    attrs = (DepthwiseConv2DAttrs if depthwise else Conv2DAttrs)(stride, dilation, padding)
    return _case(r, name, attrs, ((1, *size, in_c), weight, (1, *out, out_c)))


def conv_case(r: Random, scale: int = 1) -> Case:
    """A convolution."""
    return window_case(r, scale, depthwise=False)


def depthwise_case(r: Random, scale: int = 1) -> Case:
    """A depthwise convolution with one filter per channel."""
    return window_case(r, scale, depthwise=True)


def dense_case(r: Random, scale: int = 1) -> Case:
    """A fully connected layer."""
    rows, k = r.choice([1, 1, 2, 3]), r.randint(1, 40 * scale)
    channels = r.choice([1, 2, 7, 8, 9, 16, r.randint(1, 24 * scale)])
    shapes = ((rows, k), (channels, k), (rows, channels))
    return _case(r, "fully_connected", FullyConnectedAttrs(), shapes)


def _case(r: Random, name: str, attrs: object, shapes: tuple[Shape, Shape, Shape]) -> Case:
    x, weight, y = shapes
    channels = y[-1]
    constants = (Constant(float_data(r, weight)), Constant(float_data(r, (channels,))))
    workload = Workload(
        name,
        attrs,
        r.choice(NUMBERS),
        (("input", floats(x)),),
        (("weight", floats(weight)), ("bias", floats((channels,)))),
        (("output", floats(y)),),
    )
    return Case(BY_OP[name], workload, constants, float_data(r, x))


DRAWS: dict[str, Callable[[Random, int], Case]] = {
    "conv2d": conv_case,
    "depthwise_conv2d": depthwise_case,
    "fully_connected": dense_case,
}


def is_taken(case: Case) -> bool:
    """Whether the kernel computes the layer."""
    return case.definition.accepts(case.workload, case.constants) is None


def taken(kernel: str, count: int, seed: int, scale: int = 1) -> list[Case]:
    """Layers that the kernel takes."""
    cases: list[Case] = []
    while len(cases) < count:
        seed += 1
        case = DRAWS[KERNELS[kernel].op](Random(seed), scale)
        if is_taken(case):
            cases.append(case)
    return cases
