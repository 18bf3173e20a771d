"""Losses over classes: what a network that is trained elsewhere may be judged with.

The element of the target's class is chosen by comparing the target with every class, and summing
up: indices of run time need no operator of their own then, and a class that is to be ignored is
one that no target equals.
"""

from __future__ import annotations

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_elementwise import (
    applied,
    broadcast_operands,
    chosen,
    function,
)
from tinycc_ml.importers.onnx.rows_reduction import log_probabilities, reduced
from tinycc_ml.importers.onnx.rows_shape import run_time
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.mul import MulAttrs

_ZERO = Const(np.zeros((), np.float32))
_ONE = Const(np.ones((), np.float32))
#: The dimension of the classes.
_CLASSES = 1


def negative_log_likelihood_loss(call: Call) -> list[Item]:
    """NegativeLogLikelihoodLoss of logarithms of probabilities."""
    return [_loss(call, run_time(call))]


def softmax_cross_entropy_loss(call: Call) -> list[Item]:
    """SoftmaxCrossEntropyLoss, and the logarithms of the probabilities."""
    x = run_time(call)
    if len(x.shape) < 2:
        raise call.damaged(f"scores of shape {list(x.shape)}")
    logarithms = log_probabilities(call, x, (_CLASSES,))
    return [_loss(call, logarithms), logarithms]


def _loss(call: Call, x: Value) -> Value:
    target, weight = call.item(1), call.optional(2)
    if len(x.shape) < 2 or target.shape != (x.shape[0], *x.shape[2:]):
        raise call.damaged(f"scores of shape {list(x.shape)}, targets of {list(target.shape)}")
    reduction = call.attr_text("reduction", "mean")
    if reduction not in ("none", "sum", "mean"):
        raise call.damaged(f"reduction {reduction}")
    is_target = _is_target(call, x, target)
    losses = chosen(call, is_target, function(call, "neg", x), _ZERO)
    weights: Const | Value = _ONE
    if weight is not None:
        if weight.shape != (x.shape[_CLASSES],):
            raise call.damaged(f"weight of shape {list(weight.shape)} for scores {list(x.shape)}")
        weights = _along_classes(call, weight, len(x.shape))
        losses = applied(call, "mul", MulAttrs(), losses, weights)
    if reduction == "none":
        return reduced(call, "sum", losses, (_CLASSES,), keep_dims=False)
    every = range(len(x.shape))
    total = reduced(call, "sum", losses, every, keep_dims=False)
    if reduction == "sum":
        return total
    applied_weights = chosen(call, is_target, weights, _ZERO)
    share = reduced(call, "sum", applied_weights, every, keep_dims=False)
    return applied(call, "div", OpAttrs(), total, share)


def _is_target(call: Call, x: Value, target: Const | Value) -> Value:
    """For each score whether it is that of the target's class, and not to be ignored."""
    if call.dtype(1) not in (DType.INT32, DType.INT64):
        raise UnsupportedError(f"targets of {call.dtype(1).value}; allowed int32, int64")
    classes = np.arange(x.shape[_CLASSES], dtype=call.dtype(1).numpy)
    ignored = call.attr_int("ignore_index", -1) if call.has_attr("ignore_index") else -1
    if 0 <= ignored < len(classes):
        classes[ignored] = DType.INT32.min
    spread = (target.shape[0], 1, *target.shape[1:])
    if isinstance(target, Value):
        target = call.builder.reshaped(target, spread)
    else:
        target = Const(target.array.reshape(spread))
    numbers = _along_classes(call, Const(classes), len(x.shape))
    names, order = broadcast_operands(call, [target, numbers])
    return call.emit("equal", names, order, dtype=DType.BOOL)


def _along_classes(call: Call, item: Const | Value, rank: int) -> Const | Value:
    shape = (1, *item.shape, *(1 for _ in range(rank - 2)))
    if isinstance(item, Value):
        return call.builder.reshaped(item, shape)
    return Const(item.numbers.reshape(shape))
