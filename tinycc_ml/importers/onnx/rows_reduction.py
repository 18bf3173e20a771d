"""Reductions, and normalizations, which consist of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_elementwise import applied, broadcast_operands, chosen, function
from tinycc_ml.importers.onnx.rows_shape import given_axes, run_time
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.reduce_extreme import ReduceExtremeAttrs
from tinycc_ml.ops.reduce_prod import ReduceProdAttrs

Translate = Callable[[Call], list[Item]]


def reduced(
    call: Call, operator: str, x: Value, axes: Sequence[int], *, keep_dims: bool = True
) -> Value:
    """A reduction of some of the file's dimensions."""
    stored = tuple(sorted(x.order.index(axis) for axis in axes))
    order = x.order
    if not keep_dims:
        left = [d for d in range(len(x.shape)) if d not in axes]
        order = tuple(left.index(d) for d in x.order if d in left)
    attrs: OpAttrs = MeanAttrs(stored, keep_dims)
    if operator in ("reduce_max", "reduce_min"):
        attrs = ReduceExtremeAttrs(stored, keep_dims)
    if operator == "reduce_prod":
        attrs = ReduceProdAttrs(stored, keep_dims)
    return call.emit(operator, [call.builder.stored(x, x.order)], order, attrs)


def reduction(
    operator: str, axes_since: int = 18, *, before: str = "", after: str = ""
) -> Translate:
    """A row for an operator that reduces dimensions.

    Args:
        operator: Ours.
        axes_since: The operator set since which axes are an input.
        before: A function that is applied to the elements first.
        after: A function that is applied to the results.
    """

    def translate(call: Call) -> list[Item]:
        x = run_time(call)
        rank = len(x.shape)
        numbers = given_axes(call, axes_since)
        is_plain = not numbers and call.attr_int("noop_with_empty_axes", 0)
        if before:
            x = function(call, before, x)
        if not is_plain:
            axes = call.axes(numbers or range(rank), rank)
            x = reduced(call, operator, x, axes, keep_dims=bool(call.attr_int("keepdims", 1)))
        return [function(call, after, x) if after else x]

    return translate


def log_sum_exp(call: Call) -> list[Item]:
    """ReduceLogSumExp, with the maximum taken out first."""
    x = run_time(call)
    rank = len(x.shape)
    axes = call.axes(given_axes(call, 18) or range(rank), rank)
    highest = reduced(call, "reduce_max", x, axes)
    small = function(call, "exp", applied(call, "sub", SubAttrs(), x, highest))
    total = function(call, "log", reduced(call, "sum", small, axes))
    result = applied(call, "add", AddAttrs(), total, highest)
    if call.attr_int("keepdims", 1):
        return [result]
    return [call.builder.reshaped(result, tuple(x.shape[d] for d in range(rank) if d not in axes))]


def log_softmax(call: Call) -> list[Item]:
    """LogSoftmax; before opset 13 along all dimensions from one on."""
    x = run_time(call)
    rank = len(x.shape)
    axis = call.axis(call.attr_int("axis", -1 if call.opset >= 13 else 1), rank)
    return [log_probabilities(call, x, (axis,) if call.opset >= 13 else range(axis, rank))]


def log_probabilities(call: Call, x: Value, axes: Sequence[int]) -> Value:
    """The logarithm of softmax over some of the file's dimensions."""
    highest = reduced(call, "reduce_max", x, axes)
    shifted = applied(call, "sub", SubAttrs(), x, highest)
    total = reduced(call, "sum", function(call, "exp", shifted), axes)
    return applied(call, "sub", SubAttrs(), shifted, function(call, "log", total))


def _number(value: float) -> Const:
    return Const(np.array(value, np.float32))


def normalized(call: Call, x: Value, axes: Sequence[int], epsilon: float) -> Value:
    """``(x - mean) / sqrt(variance + epsilon)`` over some of the file's dimensions."""
    return _normalized(call, x, axes, epsilon)[0]


def _normalized(
    call: Call, x: Value, axes: Sequence[int], epsilon: float
) -> tuple[Value, Value, Value]:
    """What `normalized` returns, the mean, and the factor ``1 / sqrt(variance + epsilon)``."""
    mean = reduced(call, "mean", x, axes)
    result, factor = _scaled_to_one(call, applied(call, "sub", SubAttrs(), x, mean), axes, epsilon)
    return result, mean, factor


def _scaled_to_one(
    call: Call, x: Value, axes: Sequence[int], epsilon: float
) -> tuple[Value, Value]:
    """``x / sqrt(mean(x * x) + epsilon)``, and the factor."""
    variance = reduced(call, "mean", function(call, "square", x), axes)
    factor = function(call, "rsqrt", applied(call, "add", AddAttrs(), variance, _number(epsilon)))
    return applied(call, "mul", MulAttrs(), x, factor), factor


def _affine(call: Call, x: Value, scale: Const | Value, bias: Const | Value | None) -> Value:
    result = applied(call, "mul", MulAttrs(), x, scale)
    return result if bias is None else applied(call, "add", AddAttrs(), result, bias)


def layer_normalization(call: Call) -> list[Item]:
    """LayerNormalization over the last dimensions, its mean and its factor."""
    x = run_time(call)
    rank = len(x.shape)
    axes = range(call.axis(call.attr_int("axis", -1), rank), rank)
    result, mean, factor = _normalized(call, x, axes, call.attr_float("epsilon", 1e-5))
    return [_affine(call, result, call.item(1), call.optional(2)), mean, factor]


def lp_normalization(call: Call) -> list[Item]:
    """LpNormalization: divided by the sum of magnitudes or of squares; 0 where that is 0."""
    x, p = run_time(call), call.attr_int("p", 2)
    if p not in (1, 2):
        raise call.damaged(f"p {p}")
    axis = call.axis(call.attr_int("axis", -1), len(x.shape))
    norm = reduced(call, "sum", function(call, "abs" if p == 1 else "square", x), (axis,))
    if p == 2:
        norm = function(call, "sqrt", norm)
    names, order = broadcast_operands(call, [norm, _number(0)])
    is_some = call.emit("greater", names, order, dtype=DType.BOOL)
    return [chosen(call, is_some, applied(call, "div", OpAttrs(), x, norm), _number(0))]


def rms_normalization(call: Call) -> list[Item]:
    """RMSNormalization over the last dimensions."""
    x = run_time(call)
    rank = len(x.shape)
    axes = range(call.axis(call.attr_int("axis", -1), rank), rank)
    result, _ = _scaled_to_one(call, x, axes, call.attr_float("epsilon", 1e-5))
    return [_affine(call, result, call.item(1), None)]


def instance_normalization(call: Call) -> list[Item]:
    """InstanceNormalization: each channel of each image for itself."""
    x = run_time(call)
    if len(x.shape) < 3:
        raise call.damaged(f"input of shape {list(x.shape)}")
    result = normalized(call, x, range(2, len(x.shape)), call.attr_float("epsilon", 1e-5))
    scale, bias = (_per_channel(call, i, len(x.shape)) for i in (1, 2))
    return [_affine(call, result, scale, bias)]


def group_normalization(call: Call) -> list[Item]:
    """GroupNormalization: groups of channels for themselves."""
    x, groups = run_time(call), call.attr_int("num_groups")
    if len(x.shape) < 3 or groups < 1 or x.shape[1] % groups or call.opset < 21:
        raise UnsupportedError(
            f"{groups} groups of shape {list(x.shape)}, operator set {call.opset}"
        )
    split = (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    parts = call.builder.reshaped(x, split)
    epsilon = call.attr_float("epsilon", 1e-5)
    result = normalized(call, parts, range(2, len(split)), epsilon)
    scale, bias = (_per_channel(call, i, len(x.shape)) for i in (1, 2))
    return [_affine(call, call.builder.reshaped(result, x.shape), scale, bias)]


def _per_channel(call: Call, position: int, rank: int) -> Const | Value:
    item = call.item(position)
    if len(item.shape) != 1:
        raise call.damaged(f"parameters of shape {list(item.shape)}")
    shape = (1, item.shape[0], *(1 for _ in range(rank - 2)))
    if isinstance(item, Value):
        return call.builder.reshaped(item, shape)
    return Const(item.numbers.reshape(shape))


def mean_variance_normalization(call: Call) -> list[Item]:
    """MeanVarianceNormalization."""
    x = run_time(call)
    axes = call.axes(call.attr_ints("axes", (0, 2, 3)), len(x.shape))
    return [normalized(call, x, axes, 1e-9)]
