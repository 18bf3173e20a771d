"""Elementwise operators: they take their operands' order of dimensions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.onnx.call import Call, as_scalar
from tinycc_ml.importers.onnx.rows_shape import common_order, run_time
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.mul import MulAttrs

Translate = Callable[[Call], list[Item]]


def unary(operator: str, attrs: OpAttrs | None = None) -> Translate:
    """A row for an operator with one input and an output of its shape and type."""

    def translate(call: Call) -> list[Item]:
        x = run_time(call)
        return [call.emit(operator, [call.builder.stored(x, x.order)], x.order, attrs)]

    return translate


def binary(operator: str, attrs: OpAttrs | None = None, dtype: DType | None = None) -> Translate:
    """A row for an operator with two inputs that are broadcast.

    Args:
        operator: Ours.
        attrs: Its attributes.
        dtype: The output's element type, where it is not that of the inputs.
    """

    def translate(call: Call) -> list[Item]:
        names, order = broadcast_operands(call, call.items())
        return [call.emit(operator, names, order, attrs, dtype)]

    return translate


def broadcast_operands(call: Call, items: list[Const | Value]) -> tuple[list[str], tuple[int, ...]]:
    """Operands of one rank, all stored in the same order, and that order."""
    rank = max(len(item.shape) for item in items)
    items = [_with_rank(call, item, rank) for item in items]
    # Of operands of that size, the order of the largest is kept.
    largest = max(np.prod(item.shape) for item in items)
    large = [item for item in items if np.prod(item.shape) == largest]
    order = common_order(large if any(isinstance(x, Value) for x in large) else items, rank)
    return [call.builder.stored(item, order) for item in items], order


def _with_rank(call: Call, item: Const | Value, rank: int) -> Const | Value:
    missing = rank - len(item.shape)
    if not missing:
        return item
    shape = (1,) * missing + item.shape
    if isinstance(item, Value):
        return call.builder.reshaped(item, shape)
    scaling = item.scaling
    if scaling is not None and scaling.axis is not None:
        return Const(item.numbers.reshape(shape))
    return Const(item.array.reshape(shape), scaling)


def clip(call: Call) -> list[Item]:
    """Clip to bounds that an activation has."""
    if call.opset < 11:
        low = call.attr_float("min") if call.has_attr("min") else None
        high = call.attr_float("max") if call.has_attr("max") else None
    else:
        low, high = (
            None if call.optional(i) is None else as_scalar(call.constant(i, what))
            for i, what in ((1, "min"), (2, "max"))
        )
    operator = "relu" if high is None else "relu6"
    if low != 0 or high not in (None, 6.0):
        raise UnsupportedError(f"bounds {low} ... {high}; allowed 0 ... 6, and 0 alone")
    return unary(operator)(call)


add = binary("add", AddAttrs())
mul = binary("mul", MulAttrs())
