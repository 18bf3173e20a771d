"""Layers drawn at random, with the data that is hardest to get right."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant, TensorType
from tinycc_ml.kernels.base import KernelDef
from tinycc_ml.kernels.dsp.conv2d import Conv2DDsp
from tinycc_ml.kernels.dsp.fully_connected import FullyConnectedDsp
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.window import Padding, window_output

CONV, DENSE = Conv2DDsp(), FullyConnectedDsp()


@dataclass(frozen=True)
class Case:
    """A workload, its constants, an input, and what the reference makes of it.

    Attributes:
        distance: By how many bytes the input lies above the output that overwrites it, in a batch;
            ``None`` where they are apart.
    """

    definition: KernelDef
    workload: Workload
    constants: tuple[Constant, ...]
    x: np.ndarray
    distance: int | None = None

    @property
    def expected(self) -> np.ndarray:
        """The output of the operator's reference."""
        roles = [role for role, _ in self.workload.constants]
        data = dict(zip(roles, (c.array for c in self.constants), strict=True))
        (y,) = op(self.workload.op).reference(self.workload, {"input": self.x, **data})
        return y


def int8_data(r: Random, shape: tuple[int, ...], low: int = -128) -> np.ndarray:
    """Random, at the limits, small or constant."""
    rng = np.random.default_rng(r.getrandbits(32))
    kind = r.choice(["random", "random", "limits", "lowest", "highest", "small"])
    if kind == "random":
        return rng.integers(low, 128, shape).astype(np.int8)
    if kind == "limits":
        return rng.choice([low, 127], shape).astype(np.int8)
    if kind == "small":
        return rng.integers(-2, 3, shape).astype(np.int8)
    return np.full(shape, low if kind == "lowest" else 127, np.int8)


def draw_scales(r: Random, channels: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers and right shifts: such that outputs spread, or at their limits."""
    rng = np.random.default_rng(r.getrandbits(32))
    count = channels if r.random() < 0.7 else 1
    kind = r.choice(["spread", "spread", "limits", "any"])
    multiplier = rng.integers(1 << 30, 1 << 31, count)
    typical = int(np.log2(64.0 * 64.0 * k**0.5)) - 6
    shift = -np.clip(typical + rng.integers(-3, 5, count), 1, 31)
    if kind == "limits":
        multiplier = rng.choice([1 << 30, (1 << 30) + 1, (1 << 31) - 1, 0], count)
        shift = rng.choice([-31, -24, -23, -22, -8, -1], count)
    elif kind == "any":
        shift = -rng.integers(1, 32, count)
    shift = np.where(multiplier == 0, 0, shift)
    return multiplier.astype(np.int32), shift.astype(np.int8)


def draw_numbers(r: Random, input_zero: int) -> ConvNumbers:
    """Literals with and without a ReLU, with all kinds of clamps."""
    kind = r.choice(["relu", "relu", "none", "relu_zp", "clamp"])
    if kind == "relu":
        return ConvNumbers(input_zero, -128, -128, 127)
    zero = r.choice([-128, 127, 0, r.randint(-128, 127)])
    if kind == "none":
        return ConvNumbers(input_zero, zero, -128, 127)
    if kind == "relu_zp":
        return ConvNumbers(input_zero, zero, zero, 127)
    low = r.randint(-128, 127)
    return ConvNumbers(input_zero, zero, low, r.randint(low, 127))


def draw_constants(
    r: Random, weight_shape: tuple[int, ...]
) -> tuple[Constant, Constant, Constant, Constant]:
    """Weight, bias, multiplier, shift; now and then with a channel of zeros and a huge bias."""
    rng = np.random.default_rng(r.getrandbits(32))
    channels, k = weight_shape[0], int(np.prod(weight_shape[1:]))
    low = -128 if r.random() < 0.05 else -127
    weight = int8_data(r, weight_shape, low)
    size = r.choice([0, 10, 3000, 1 << 16])
    bias = rng.integers(-size, size + 1, channels).astype(np.int32)
    if r.random() < 0.2:
        dead = r.randrange(channels)
        weight[dead] = 0
        bias[dead] = r.choice([-(1 << 31), (1 << 31) - 1, 0])
    multiplier, shift = draw_scales(r, channels, k)
    return Constant(weight), Constant(bias), Constant(multiplier), Constant(shift)


def constant_types(constants: tuple[Constant, ...]) -> tuple[tuple[str, TensorType], ...]:
    """Types of weight, bias, multiplier and shift, by role."""
    dtypes = (DType.INT8, DType.INT32, DType.INT32, DType.INT8)
    roles = ("weight", "bias", "multiplier", "shift")
    return tuple(
        (role, TensorType(c.array.shape, dtype))
        for role, c, dtype in zip(roles, constants, dtypes, strict=True)
    )


def conv_case(r: Random, scale: int = 1) -> Case:
    """A convolution; `scale` 1 is small enough for the interpreter."""
    pointwise = r.random() < 0.35
    kernel = (1, 1) if pointwise else (r.randint(1, 4), r.randint(1, 4))
    stride = (1, 1) if r.random() < 0.5 else (r.randint(1, 3), r.randint(1, 3))
    dilation = (1, 1) if r.random() < 0.7 else (r.randint(1, 3), r.randint(1, 3))
    padding = Padding(*(r.randint(0, 2) for _ in range(4))) if r.random() < 0.6 else Padding()
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = (padding.top + padding.bottom, padding.left + padding.right)
    size = [
        max(1, span - pad) + r.randint(0, 4 * scale) for span, pad in zip(spans, pads, strict=True)
    ]
    in_c = r.choice([1, 2, 3, 4, 5, 6, 8, 12, r.randint(1, 9 * scale)])
    out_c = r.choice([1, 2, 3, 4, 5, 7, 8, r.randint(1, 9 * scale)])
    out = window_output((size[0], size[1]), kernel, stride, dilation, padding)
    constants = draw_constants(r, (out_c, *kernel, in_c))
    numbers = draw_numbers(r, 0 if padding.is_empty else r.choice([-128, 127, 0, 5]))
    workload = Workload(
        "conv2d",
        Conv2DAttrs(stride, dilation, padding),
        numbers,
        (("input", TensorType((1, *size, in_c), DType.INT8)),),
        constant_types(constants),
        (("output", TensorType((1, *out, out_c), DType.INT8)),),
    )
    return Case(CONV, workload, constants, int8_data(r, (1, *size, in_c)))


def dense_case(r: Random, scale: int = 1) -> Case:
    """A fully connected layer."""
    rows = r.choice([1, 1, 1, 2, 3])
    k, channels = r.randint(1, 40 * scale), r.choice([1, 2, 7, 8, 9, 12, r.randint(1, 20 * scale)])
    constants = draw_constants(r, (channels, k))
    workload = Workload(
        "fully_connected",
        FullyConnectedAttrs(),
        draw_numbers(r, 0),
        (("input", TensorType((rows, k), DType.INT8)),),
        constant_types(constants),
        (("output", TensorType((rows, channels), DType.INT8)),),
    )
    return Case(DENSE, workload, constants, int8_data(r, (rows, k)))
