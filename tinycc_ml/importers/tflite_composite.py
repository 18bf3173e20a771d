"""Operators of .tflite files that are computed by several of ours, or by none."""

from __future__ import annotations

import math

import numpy as np
from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs
from tinycc_ml.importers.flatbuffer import INT8, INT32, Field
from tinycc_ml.importers.tflite_row import Part, Row, composite, constant
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.broadcast import broadcast_shape
from tinycc_ml.ops.difference import SubAttrs
from tinycc_ml.ops.gather import GatherAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.real_functions import SlopeAttrs
from tinycc_ml.ops.reduce_extreme import ReduceExtremeAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.take import TakeAttrs

_ACTIVATION = "fused_activation_function"
# What the norm of a vector is at least.
_EPSILON = 1e-6


def _activated(parts: tuple[Part, ...], activation: Activation) -> tuple[Part, ...]:
    """Parts whose last is followed by an activation."""
    if activation is Activation.NONE:
        return parts
    *first, last = parts
    low, high = activation.bounds
    clip = SlopeAttrs(-math.inf if low is None else low, math.inf if high is None else high)
    inner = Part(last.op, last.attrs, last.inputs, None)
    return (*first, inner, Part("clip", clip, (~len(first),)))


def _div(view: OperatorView) -> tuple[Part, ...]:
    return _activated((Part("div", OpAttrs(), (0, 1)),), view.activation(Field(0, _ACTIVATION)))


def _last_dimension(view: OperatorView) -> int:
    """The last dimension of an input that is float32: integers have rules of their own."""
    _check_real(view)
    last = len(view.shape(0)) - 1
    if last < 0:
        raise view.damaged(f"{view.operator.builtin} of a scalar")
    return last


def _check_real(view: OperatorView) -> None:
    if not view.is_real(0):
        raise UnsupportedError("integers; allowed float32")


def _l2_normalization(view: OperatorView) -> tuple[Part, ...]:
    last = _last_dimension(view)
    parts = (
        Part("square", OpAttrs(), (0,), None),
        Part("sum", MeanAttrs((last,), keep_dims=True), (~0,), None),
        Part("sqrt", OpAttrs(), (~1,), None),
        Part("clip", SlopeAttrs(_EPSILON, math.inf), (~2,), None),
        Part("div", OpAttrs(), (0, ~3)),
    )
    return _activated(parts, view.activation(Field(0, _ACTIVATION)))


def _log_softmax(view: OperatorView) -> tuple[Part, ...]:
    last = _last_dimension(view)
    return (
        Part("reduce_max", ReduceExtremeAttrs((last,), keep_dims=True), (0,), None),
        Part("sub", SubAttrs(), (0, ~0), None),
        Part("exp", OpAttrs(), (~1,), None),
        Part("sum", MeanAttrs((last,), keep_dims=True), (~2,), None),
        Part("log", OpAttrs(), (~3,), None),
        Part("sub", SubAttrs(), (~1, ~4)),
    )


def _l2_pool(view: OperatorView) -> tuple[Part, ...]:
    _check_real(view)
    x = view.shape(0, rank=4)
    kernel = view.positive(Field(4, "filter_height")), view.positive(Field(3, "filter_width"))
    stride = view.positive(Field(2, "stride_h")), view.positive(Field(1, "stride_w"))
    padding = view.padding(Field(0, "padding"), x[1:3], kernel, stride)
    parts = (
        Part("square", OpAttrs(), (0,), None),
        Part("average_pool2d", Pool2DAttrs(kernel, stride, padding), (~0,), None),
        Part("sqrt", OpAttrs(), (~1,)),
    )
    return _activated(parts, view.activation(Field(5, _ACTIVATION)))


def _relu_n1_to_1(view: OperatorView) -> tuple[Part, ...]:
    return (Part("clip", SlopeAttrs(-1.0, 1.0)),)


def _gather(view: OperatorView) -> tuple[Part, ...]:
    axis = view.axis(view.option(Field(0, "axis"), INT32))
    if view.option(Field(1, "batch_dims"), INT32):
        raise UnsupportedError("batch dimensions; allowed none")
    return _gathered(view, 0, 1, axis)


def _embedding_lookup(view: OperatorView) -> tuple[Part, ...]:
    return _gathered(view, 1, 0, 0)


def _gathered(view: OperatorView, data: int, indices: int, axis: int) -> tuple[Part, ...]:
    """By constant indices a choice, else looked up at run time."""
    if not len(view.tensor(indices).data):
        return (Part("gather", GatherAttrs(axis), (data, indices)),)
    shape, chosen = view.shape(data), view.integers(indices, "indices")
    if not chosen or not 0 <= min(chosen) <= max(chosen) < shape[axis]:
        raise view.damaged(f"indices {list(chosen[:16])} of {shape[axis]}")
    take = TakeAttrs(tuple(chosen if i == axis else None for i in range(len(shape))))
    return (
        Part("take", take, (data,), None),
        Part("reshape", ReshapeAttrs(view.output_shape()), (~0,)),
    )


def _paddings(view: OperatorView) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rank, amounts = len(view.shape(0)), view.integers(1, "paddings")
    if len(amounts) != 2 * rank or any(amount < 0 for amount in amounts):
        raise view.damaged(f"paddings {list(amounts[:16])} for {rank} dimensions")
    return amounts[0::2], amounts[1::2]


def _pad_v2(view: OperatorView) -> tuple[Part, ...]:
    before, after = _paddings(view)
    return (Part("pad", PadAttrs(before, after, view.scalar(2, "the value of padding"))),)


def _mirror_pad(view: OperatorView) -> tuple[Part, ...]:
    shape, (before, after) = view.shape(0), _paddings(view)
    # Reflections do not repeat the element at the edge, symmetric ones do.
    edge = 0 if view.option(Field(0, "mode"), INT8) == 1 else 1
    indices: list[tuple[int, ...] | None] = []
    for extent, b, a in zip(shape, before, after, strict=True):
        if max(b, a) > extent - edge:
            raise view.damaged(f"{b} and {a} elements mirrored of {extent}")
        head = range(b - 1 + edge, edge - 1, -1)
        tail = range(extent - 1 - edge, extent - 1 - edge - a, -1)
        indices.append((*head, *range(extent), *tail) if a or b else None)
    return (Part("take", TakeAttrs(tuple(indices))),)


def _shape(view: OperatorView) -> Array:
    return np.array(view.shape(0), view.output_dtype().numpy)


def _broadcast_args(view: OperatorView) -> Array:
    shapes = view.integers(0, "shape"), view.integers(1, "shape")
    return np.array(broadcast_shape(*shapes), view.output_dtype().numpy)


def _zeros_like(view: OperatorView) -> Array:
    # The library writes the number 0, whatever the zero point.
    return np.zeros(view.shape(0), view.output_dtype().numpy)


def _fill(view: OperatorView) -> Array:
    shape = view.integers(0, "shape")
    if math.prod(shape) != math.prod(view.output_shape()):
        raise view.damaged(f"{list(shape[:16])} to fill, but the output has another shape")
    return np.full(shape, view.scalar(1, "the value"), view.output_dtype().numpy)


_O = BuiltinOptions
COMPOSITE: dict[str, Row] = {
    "BROADCAST_ARGS": constant(_broadcast_args, _O.NONE, 2),
    "DIV": composite(_div, _O.DivOptions, 2, 2),
    "EMBEDDING_LOOKUP": composite(_embedding_lookup, _O.NONE, 2, 2),
    "FILL": constant(_fill, _O.FillOptions, 2),
    "GATHER": composite(_gather, _O.GatherOptions, 2, 2),
    "L2_NORMALIZATION": composite(_l2_normalization, _O.L2NormOptions),
    "L2_POOL_2D": composite(_l2_pool, _O.Pool2DOptions),
    "LOG_SOFTMAX": composite(_log_softmax, _O.LogSoftmaxOptions),
    "MIRROR_PAD": composite(_mirror_pad, _O.MirrorPadOptions, 2, 2, operands=1),
    "PADV2": composite(_pad_v2, _O.PadV2Options, 3, 3, operands=1),
    "RELU_N1_TO_1": composite(_relu_n1_to_1, _O.NONE),
    "SHAPE": constant(_shape, _O.ShapeOptions, 1),
    "ZEROS_LIKE": constant(_zeros_like, _O.ZerosLikeOptions, 1),
}
