"""What the convolutions and the fully connected layer share in integers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, TensorType
from tinycc_ml.loopir import Affine, Buffer, Condition, Expr, Var, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import multiply_by_quantized_multiplier, quantize_multiplier
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Numbers


@dataclass(frozen=True, slots=True)
class ConvNumbers(Numbers):
    """The literals of a multiply-accumulate layer.

    Attributes:
        input_zero_point: Subtracted from every input; 0 where it is folded into the bias.
        output_zero_point: Added after requantization.
        output_min: Lowest output.
        output_max: Highest output.
    """

    input_zero_point: int
    output_zero_point: int
    output_min: int
    output_max: int


def integerize_convolution(
    bound: BoundNode, activation: Activation, *, channel_axis: int, fold_zero_point: bool
) -> tuple[ConvNumbers, tuple[tuple[str, Constant], ...]]:
    """Numbers and constants (weight, bias, multiplier, shift) of a layer with weights.

    The inputs of the node are input, weight, bias. Where no tap lies outside the input, the zero
    point of the input is constant work and moves into the bias:
    ``sum((x - z) * w) = sum(x * w) - z * sum(w)``. int32 sums wrap, so the fold is exact even
    where an intermediate sum would overflow.
    """
    x, w, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
    weight, bias = bound.constants[1], bound.constants[2]
    assert x and w and y and weight and bias  # checked by check_convolution
    channels = weight.array.shape[channel_axis]
    scales = w.scales if w.axis is not None else w.scales * channels
    pairs = [quantize_multiplier(x.scale * s / y.scale) for s in scales]
    zero_point, folded = x.zero_point, bias.array.astype(np.int64)
    if fold_zero_point:
        axes = tuple(a for a in range(weight.array.ndim) if a != channel_axis)
        folded = folded - zero_point * weight.array.astype(np.int64).sum(axis=axes)
        zero_point = 0
    low, high = output_clamp(activation, bound.outputs[0])
    return ConvNumbers(zero_point, y.zero_point, low, high), (
        ("weight", weight),
        ("bias", Constant(_to_int32(folded))),
        ("multiplier", Constant(np.array([m for m, _ in pairs], np.int32))),
        ("shift", Constant(np.array([s for _, s in pairs], np.int8))),
    )


def _to_int32(x: Array) -> Array:
    return x.astype(np.uint64).astype(np.uint32).view(np.int32).reshape(x.shape)


def check_convolution(bound: BoundNode, *, channel_axis: int) -> str | None:
    """Why the integers of this layer are not supported, or ``None``."""
    x, w, bias = bound.inputs
    y = bound.outputs[0]
    if (x.dtype, w.dtype, y.dtype) != (DType.INT8, DType.INT8, DType.INT8):
        return (
            f"input {x.dtype.value}, weight {w.dtype.value}, output {y.dtype.value}; "
            "allowed int8 for all three"
        )
    if bias.dtype != DType.INT32:
        return f"bias is {bias.dtype.value}; allowed int32"
    if bound.constants[1] is None or bound.constants[2] is None:
        return "weight or bias is computed at run time; both must be constants"
    if not (x.quant and w.quant and y.quant):
        return "a tensor lacks quantization parameters"
    if x.quant.axis is not None or y.quant.axis is not None:
        return "activations are quantized per channel; allowed per tensor"
    if any(w.quant.zero_points):
        return "the weight's zero point is not 0"
    if w.quant.axis not in (None, channel_axis):
        return f"the weight is quantized along axis {w.quant.axis}; allowed {channel_axis}"
    return None


def requantize_channels(acc: Array, numbers: ConvNumbers, multiplier: Array, shift: Array) -> Array:
    """The reference's way from int32 sums (channels last) to int8 outputs."""
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift) + numbers.output_zero_point
    return np.clip(scaled, numbers.output_min, numbers.output_max).astype(np.int8)


def requantized(
    acc: str, channel: str, multiplier: Buffer, shift: Buffer, numbers: ConvNumbers
) -> Expr:
    """The same in loop IR: the value to store for one accumulator."""
    scaled = b.call("requantize", Var(acc), b.load(multiplier, channel), b.load(shift, channel))
    return b.clamp(b.add(scaled, numbers.output_zero_point), numbers.output_min, numbers.output_max)


def tap_index(out: str, tap: str, stride: int, dilation: int, pad: int) -> Affine:
    """Input row or column under a kernel tap."""
    return affine(out) * stride + affine(tap) * dilation - pad


def tap_conditions(index: Affine, extents: dict[str, int], in_size: int) -> tuple[Condition, ...]:
    """The guard that keeps a tap inside the input; empty where it always is."""
    low, high = index.bounds(extents)
    return () if low >= 0 and high < in_size else (b.inside(index, in_size),)


def pixels(type_: TensorType) -> tuple[int, int, int, int]:
    """Batch, height, width, channels of an NHWC activation."""
    n, h, w, c = type_.shape
    return n, h, w, c
