"""What the convolutions and the fully connected layer share: products summed up.

In integers, sums start with the bias and are requantized; weights have 8 bits, or 4, and then stay
packed. In float32 the bias is added to the sum, as TensorFlow Lite Micro does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, PackedConstant
from tinycc_ml.loopir import Affine, AffineLike, Buffer, Cast, Condition, Expr, Var, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import (
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    unpack_int4,
)
from tinycc_ml.ops.activation import Activation, output_clamp
from tinycc_ml.ops.base import BoundNode, Numbers, Workload, buffers_of
from tinycc_ml.ops.floats import (
    FloatNumbers,
    float_numbers,
    float_problem,
    is_float,
    limit,
    limited,
    running_product,
)
from tinycc_ml.ops.int8_checks import int8_problem, scale_problem, sum_bounds, sum_problem
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.wide_convolution import (
    WideNumbers,
    finish_wide,
    is_wide,
    wide_constants,
    wide_output,
    wide_range_problem,
    wide_type_problem,
)


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


@dataclass(frozen=True, slots=True)
class WeightedLayer:
    """What tells one operator with weights from another.

    Attributes:
        activation: The fused activation.
        channel_axis: The dimension of the weight that has one index per output channel.
        fold_zero_point: Whether no tap ever lies outside the input.
    """

    activation: Activation
    channel_axis: int
    fold_zero_point: bool


def integerize_convolution(
    bound: BoundNode, layer: WeightedLayer
) -> tuple[ConvNumbers | FloatNumbers | WideNumbers, tuple[tuple[str, Constant], ...]]:
    """Numbers and constants (weight, bias; multiplier, shift) of a layer with weights.

    In float32 they are the model's. In integers: the inputs of the node are input, weight, bias.
    Where no tap lies outside the input, the zero point of the input is constant work and moves into
    the bias: ``sum((x - z) * w) = sum(x * w) - z * sum(w)``; :func:`check_convolution` makes sure
    that no such sum exceeds int32. Multiplier and shift have one element per channel, or one in all
    where the weight is quantized per tensor.
    """
    if is_float(bound):
        return float_numbers(layer.activation), _own_constants(bound)
    if is_wide(bound):
        limits = output_clamp(layer.activation, bound.outputs[0])
        return WideNumbers(*limits), wide_constants(_own_constants(bound), *_multipliers(bound))
    y, weight = bound.outputs[0].quant, bound.constants[1]
    assert y and weight  # checked by check_convolution
    is_packed = bound.inputs[1].dtype is DType.INT4
    bias = _folded_bias(bound, layer)
    multiplier, shift = _multipliers(bound)
    low, high = output_clamp(layer.activation, bound.outputs[0])
    return ConvNumbers(_subtracted(bound, layer), y.zero_point, low, high), (
        ("weight", PackedConstant(weight.array) if is_packed else weight),
        ("bias", Constant(bias.astype(np.int32))),
        ("multiplier", Constant(multiplier)),
        ("shift", Constant(shift)),
    )


def _own_constants(bound: BoundNode) -> tuple[tuple[str, Constant], ...]:
    _, weight, bias = bound.constants
    assert weight and bias  # checked by check_convolution
    return (("weight", weight), ("bias", bias))


def check_convolution(bound: BoundNode, layer: WeightedLayer) -> str | None:
    """Why this layer is not supported, or ``None``."""
    if is_float(bound):
        return float_problem(bound) or constants_problem(bound)
    if is_wide(bound):
        return (
            wide_type_problem(bound)
            or dtype_problem("weight", bound.inputs[1], DType.INT8)
            or _weight_problem(bound, layer.channel_axis)
            or _wide_problem(bound, layer)
        )
    return _type_problem(bound, layer.channel_axis) or _range_problem(bound, layer)


def _type_problem(bound: BoundNode, channel_axis: int) -> str | None:
    x, w, bias = bound.inputs
    problem = int8_problem("input", x) or int8_problem("output", bound.outputs[0])
    if problem:
        return problem
    if w.dtype not in (DType.INT8, DType.INT4, DType.INT16) or bias.dtype != DType.INT32:
        found = f"weight {w.dtype.value}, bias {bias.dtype.value}"
        return f"{found}; allowed int8, int4 or int16, and int32"
    return _weight_problem(bound, channel_axis)


def _wide_problem(bound: BoundNode, layer: WeightedLayer) -> str | None:
    bias = bound.constants[2]
    assert bias  # checked by _weight_problem
    try:
        multiplier, shift = _multipliers(bound)
        output_clamp(layer.activation, bound.outputs[0])
    except UnsupportedError as error:
        return str(error)
    rows = np.moveaxis(_weight(bound), layer.channel_axis, 0)
    return wide_range_problem(rows.reshape(len(rows), -1), bias.array, multiplier, shift)


def _weight_problem(bound: BoundNode, channel_axis: int) -> str | None:
    problem = constants_problem(bound)
    if problem:
        return problem
    w = bound.inputs[1]
    if w.quant is None:
        return "the weight has no quantization parameters"
    if any(w.quant.zero_points):
        return "the weight's zero point is not 0"
    if w.quant.axis not in (None, channel_axis):
        return f"the weight is quantized along axis {w.quant.axis}; allowed {channel_axis}"
    if len(w.quant.scales) != (1 if w.quant.axis is None else w.shape[channel_axis]):
        return f"the weight {w} has {len(w.quant.scales)} scales"
    return scale_problem("weight", w.quant)


#: Operators whose second input, the weight, may be of 4 bits.
PACKED_WEIGHT = ("conv2d", "depthwise_conv2d", "fully_connected", "transpose_conv")


def packed_problem(bound: BoundNode) -> str | None:
    """Why an input cannot have 4 bits, or ``None``; all other operators know bytes only."""
    for position, type_ in enumerate(bound.inputs):
        is_weight = position == 1 and bound.node.op in PACKED_WEIGHT
        if type_.dtype is DType.INT4 and not is_weight:
            return f"input {position} is int4; allowed in weights of {', '.join(PACKED_WEIGHT)}"
    return None


def constants_problem(bound: BoundNode) -> str | None:
    """Why weight and bias are no constants, or ``None``."""
    if bound.constants[1] is None or bound.constants[2] is None:
        return "weight or bias is computed at run time; both must be constants"
    return None


def _range_problem(bound: BoundNode, layer: WeightedLayer) -> str | None:
    y = bound.outputs[0].quant
    assert y  # checked by _type_problem
    try:
        _, shift = _multipliers(bound)
        output_clamp(layer.activation, bound.outputs[0])
    except UnsupportedError as error:
        return str(error)
    w = _weight(bound)
    axes = _reduced(w, layer.channel_axis)
    bounds = sum_bounds(w, axes, _folded_bias(bound, layer), _subtracted(bound, layer))
    return sum_problem(*bounds, shift, y.zero_point)


def _weight(bound: BoundNode) -> Array:
    weight = bound.constants[1]
    assert weight  # checked by _type_problem
    return weight.array.astype(np.int64)


def _reduced(weight: Array, channel_axis: int) -> tuple[int, ...]:
    return tuple(a for a in range(weight.ndim) if a != channel_axis)


def _subtracted(bound: BoundNode, layer: WeightedLayer) -> int:
    quant = bound.inputs[0].quant
    assert quant  # checked by _type_problem
    return 0 if layer.fold_zero_point else quant.zero_point


def _folded_bias(bound: BoundNode, layer: WeightedLayer) -> Array:
    quant, bias = bound.inputs[0].quant, bound.constants[2]
    assert quant and bias  # checked by _type_problem
    values = bias.array.astype(np.int64)
    if not layer.fold_zero_point:
        return values
    w = _weight(bound)
    folded: Array = values - quant.zero_point * w.sum(axis=_reduced(w, layer.channel_axis))
    return folded


def _multipliers(bound: BoundNode) -> tuple[Array, Array]:
    x, w, y = bound.inputs[0].quant, bound.inputs[1].quant, bound.outputs[0].quant
    assert x and w and y  # checked by _type_problem
    # In double, from left to right, as the library does.
    pairs = [quantize_multiplier(x.scale * s / y.scale) for s in w.scales]
    return np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int8)


def requantize_channels(acc: Array, numbers: ConvNumbers, multiplier: Array, shift: Array) -> Array:
    """The reference's way from int32 sums (channels last) to int8 outputs."""
    scaled = multiply_by_quantized_multiplier(acc, multiplier, shift) + numbers.output_zero_point
    return np.clip(scaled, numbers.output_min, numbers.output_max).astype(np.int8)


def requantized(
    acc: str, channel: AffineLike, multiplier: Buffer, shift: Buffer, numbers: ConvNumbers
) -> Expr:
    """The same in loop IR: the value to store for one accumulator."""
    index = channel if multiplier.elements > 1 else 0
    scaled = b.call("requantize", Var(acc), b.load(multiplier, index), b.load(shift, index))
    return b.clamp(b.add(scaled, numbers.output_zero_point), numbers.output_min, numbers.output_max)


def input_zero(workload: Workload) -> int:
    """What is subtracted from every input, and stands for one outside the tensor."""
    numbers = workload.numbers
    return numbers.input_zero_point if isinstance(numbers, ConvNumbers) else 0


def weight_of(workload: Workload, operands: Mapping[str, Array]) -> Array:
    """The weight as an array of its shape, for :meth:`OpDef.reference`; unpacked where packed."""
    type_ = workload.operand("weight")
    if type_.dtype is DType.INT4:
        return unpack_int4(operands["weight"], type_.shape)
    return operands["weight"]


def multiply_add(x: Array, weight: Array, workload: Workload) -> Array:
    """The sums of products that :func:`finish` takes.

    Args:
        x: (..., K), the layer's input without its zero point.
        weight: (O, K).
        workload: The layer.
    """
    if isinstance(workload.numbers, FloatNumbers):
        return running_product(x, weight)
    # In float64 for speed, and exact: every partial sum is an integer below 2**53.
    products: Array = x.astype(np.float64) @ weight.T.astype(np.float64)
    return products


def finish(products: Array, workload: Workload, operands: Mapping[str, Array]) -> Array:
    """The reference's way from sums of products to outputs.

    Args:
        products: Channels last, without the bias; float64 that holds an exact integer, or float32.
        workload: The layer.
        operands: Its constants by role.
    """
    numbers = workload.numbers
    if isinstance(numbers, FloatNumbers):
        return limit(products + operands["bias"], numbers)
    if isinstance(numbers, WideNumbers):
        return finish_wide(products, numbers, operands)
    acc = products.astype(np.int64) + operands["bias"]
    return requantize_channels(
        acc, cast(ConvNumbers, numbers), operands["multiplier"], operands["shift"]
    )


@dataclass(frozen=True, slots=True)
class Accumulation:
    """How products are summed up in the local ``acc``: what a loop nest needs of the arithmetic.

    Attributes:
        dtype: Of the sum.
        start: Its first value, by channel.
        factor: What an element of the input is multiplied as.
        output: What the finished sum becomes, by channel.
        term: What a product is added as.
    """

    dtype: DType
    start: Callable[[AffineLike], Expr]
    factor: Callable[[Expr], Expr]
    output: Callable[[AffineLike], Expr]
    term: Callable[[Expr], Expr] = lambda product: product


def accumulation(workload: Workload, acc: str = "acc") -> Accumulation:
    """The arithmetic of a layer with weights, whose sums are in a local of that name."""
    numbers, buffers = workload.numbers, {b.name: b for b in buffers_of(workload)}
    bias = buffers["bias"]
    if isinstance(numbers, FloatNumbers):
        return Accumulation(
            DType.FLOAT32,
            lambda channel: b.number(0.0),
            lambda x: x,
            lambda channel: limited(b.add(Var(acc), b.load(bias, channel)), numbers),
        )
    multiplier, shift = buffers["multiplier"], buffers["shift"]
    if isinstance(numbers, WideNumbers):
        return Accumulation(
            DType.INT64,
            lambda channel: b.load(bias, channel),
            lambda x: x,
            lambda channel: wide_output(channel, multiplier, shift, numbers),
            lambda product: Cast(DType.INT64, product),
        )
    n = cast(ConvNumbers, numbers)
    return Accumulation(
        DType.INT32,
        lambda channel: b.load(bias, channel),
        lambda x: b.sub(x, n.input_zero_point),
        lambda channel: requantized(acc, channel, multiplier, shift, n),
    )


def tap_index(out: str, tap: str, stride: int, dilation: int, pad: int) -> Affine:
    """Input row or column under a kernel tap."""
    return affine(out) * stride + affine(tap) * dilation - pad


def tap_conditions(index: Affine, extents: dict[str, int], in_size: int) -> tuple[Condition, ...]:
    """The guard that keeps a tap inside the input; empty where it always is."""
    low, high = index.bounds(extents)
    return () if low >= 0 and high < in_size else (b.inside(index, in_size),)
