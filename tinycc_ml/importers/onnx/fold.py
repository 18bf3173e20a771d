"""Nodes whose inputs are all constants, computed in NumPy while a file is read.

These are the operators that exporters compute shapes with. Others run through our own operators
and are folded by the pass that does so.

Source: https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_shape import new_shape
from tinycc_ml.importers.onnx.tensors import numpy_dtype, type_name

#: No result may be larger; shapes are small, and weights are not computed by these operators.
MAX_ELEMENTS = 1 << 24

Evaluate = Callable[[Call, list[Array]], list[Array]]


def _limited(count: int) -> None:
    if count > MAX_ELEMENTS:
        raise UnsupportedError(f"a constant of {count} elements; allowed {MAX_ELEMENTS}")


def _numpy(function: Callable[..., Array]) -> Evaluate:
    def evaluate(call: Call, x: list[Array]) -> list[Array]:
        _limited(prod(np.broadcast_shapes(*(a.shape for a in x))))
        return [np.asarray(function(*x))]

    return evaluate


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind == "f":
        return np.asarray(a / b)
    if not np.all(b):
        raise UnsupportedError("a division of integers by 0")
    # Towards zero, as C does.
    quotient: Array = np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))
    return quotient.astype(a.dtype)


def _cast(call: Call, x: list[Array]) -> list[Array]:
    code = call.attr_int("to")
    dtype = numpy_dtype(code)
    if dtype is None:
        raise UnsupportedError(f"a constant of {type_name(code)}")
    return [x[0].astype(dtype)]


def _gather(call: Call, x: list[Array]) -> list[Array]:
    data, indices = x
    axis = call.axis(call.attr_int("axis", 0), data.ndim)
    extent = data.shape[axis]
    if indices.dtype.kind != "i" or np.any(indices < -extent) or np.any(indices >= extent):
        raise call.damaged(f"indices outside the {extent} elements of axis {axis}")
    _limited(data.size // max(extent, 1) * indices.size)
    return [np.take(data, indices, axis)]


def _axes(call: Call, x: list[Array], rank: int) -> tuple[int, ...] | None:
    if call.has_attr("axes"):
        return call.axes(call.attr_ints("axes"), rank)
    if len(x) > 1:
        return call.axes([int(number) for number in x[1].reshape(-1)], rank)
    return None


def _unsqueeze(call: Call, x: list[Array]) -> list[Array]:
    count = x[1].size if len(x) > 1 else len(call.attr_ints("axes"))
    axes = _axes(call, x, x[0].ndim + count)
    return [np.expand_dims(x[0], axes or ())]


def _squeeze(call: Call, x: list[Array]) -> list[Array]:
    axes = _axes(call, x, x[0].ndim)
    if axes is not None and any(x[0].shape[axis] != 1 for axis in axes):
        raise call.damaged(f"axes {list(axes)} of shape {list(x[0].shape)} are not all 1")
    return [np.squeeze(x[0], axes)]


def _concat(call: Call, x: list[Array]) -> list[Array]:
    axis = call.axis(call.attr_int("axis", 1 if call.opset < 4 else None), x[0].ndim)
    _limited(sum(a.size for a in x))
    return [np.concatenate(x, axis)]


def _slice(call: Call, x: list[Array]) -> list[Array]:
    data = x[0]
    if call.opset < 10:
        starts, ends = call.attr_ints("starts"), call.attr_ints("ends")
        axes, steps = call.attr_ints("axes", range(len(starts))), (1,) * len(starts)
    else:
        lists = [tuple(int(number) for number in a.reshape(-1)) for a in x[1:]]
        starts, ends = lists[0], lists[1]
        axes = lists[2] if len(lists) > 2 else tuple(range(len(starts)))
        steps = lists[3] if len(lists) > 3 else (1,) * len(starts)
    index: list[slice] = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if step == 0:
            raise call.damaged("a step of 0")
        # A backward slice down to the first element ends before it: an end of -1 would not.
        last = None if step < 0 and end < -data.shape[call.axis(axis, data.ndim)] else end
        index[call.axis(axis, data.ndim)] = slice(start, last, step)
    return [data[tuple(index)]]


def _constant_of_shape(call: Call, x: list[Array]) -> list[Array]:
    given = call.attr_tensor("value")
    value = np.zeros(1, np.float32) if given is None else given.array
    shape = tuple(int(extent) for extent in x[0].reshape(-1))
    if any(extent < 0 for extent in shape) or value.size != 1:
        raise call.damaged(f"shape {list(shape[:16])}")
    _limited(prod(shape))
    return [np.full(shape, value.reshape(-1)[0], value.dtype)]


def _range(call: Call, x: list[Array]) -> list[Array]:
    start, limit, delta = (a.reshape(-1)[0] for a in x)
    if delta == 0 or not np.isfinite([float(start), float(limit), float(delta)]).all():
        raise call.damaged("a range without an end")
    count = max(0, int(np.ceil((float(limit) - float(start)) / float(delta))))
    _limited(count)
    return [(start + np.arange(count) * delta).astype(x[0].dtype)]


def _expand(call: Call, x: list[Array]) -> list[Array]:
    shape = np.broadcast_shapes(x[0].shape, tuple(int(extent) for extent in x[1].reshape(-1)))
    _limited(prod(shape))
    return [np.broadcast_to(x[0], shape)]


def _tile(call: Call, x: list[Array]) -> list[Array]:
    repeats = tuple(int(number) for number in x[1].reshape(-1))
    if len(repeats) != x[0].ndim or any(number < 0 for number in repeats):
        raise call.damaged(f"repeats {list(repeats[:16])} of {x[0].ndim} dimensions")
    _limited(x[0].size * prod(repeats))
    return [np.tile(x[0], repeats)]


def _reshape(call: Call, x: list[Array]) -> list[Array]:
    wanted = call.integers(1, "new shape") if len(x) > 1 else call.attr_ints("shape")
    return [x[0].reshape(new_shape(call, x[0].shape, wanted))]


def _transpose(call: Call, x: list[Array]) -> list[Array]:
    perm = call.attr_ints("perm", tuple(reversed(range(x[0].ndim))))
    if sorted(perm) != list(range(x[0].ndim)):
        raise call.damaged(f"perm {list(perm)[:16]} of {x[0].ndim} dimensions")
    return [x[0].transpose(perm)]


def _reduce(function: Callable[..., Array]) -> Evaluate:
    def evaluate(call: Call, x: list[Array]) -> list[Array]:
        axes = _axes(call, x, x[0].ndim)
        if not axes and call.attr_int("noop_with_empty_axes", 0):
            return [x[0]]
        keep = bool(call.attr_int("keepdims", 1))
        result = np.asarray(function(x[0], axis=axes or None, keepdims=keep))
        return [result.astype(x[0].dtype)]

    return evaluate


#: Only operators that shapes are computed with; the rest is folded as our own operators are.
FOLDS: Mapping[str, Evaluate] = {
    "Abs": _numpy(np.abs),
    "Add": _numpy(np.add),
    "And": _numpy(np.logical_and),
    "Cast": _cast,
    "Ceil": _numpy(np.ceil),
    "Concat": _concat,
    "ConstantOfShape": _constant_of_shape,
    "Div": _numpy(_divide),
    "Equal": _numpy(np.equal),
    "Expand": _expand,
    "Floor": _numpy(np.floor),
    "Gather": _gather,
    "Greater": _numpy(np.greater),
    "GreaterOrEqual": _numpy(np.greater_equal),
    "Less": _numpy(np.less),
    "LessOrEqual": _numpy(np.less_equal),
    "Mul": _numpy(np.multiply),
    "Neg": _numpy(np.negative),
    "Not": _numpy(np.logical_not),
    "Or": _numpy(np.logical_or),
    "Range": _range,
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape,
    "Slice": _slice,
    "Sqrt": _numpy(np.sqrt),
    "Squeeze": _squeeze,
    "Sub": _numpy(np.subtract),
    "Tile": _tile,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
    "Where": _numpy(np.where),
}


def fold(call: Call, arrays: list[Array]) -> list[Array] | None:
    """The outputs of a node over constants; ``None`` where it is not folded here.

    Raises:
        ModelFileError: If operands do not fit the operator.
        UnsupportedError: If a result would be too large.
    """
    evaluate = FOLDS.get(call.node.op_type)
    if evaluate is None:
        return None
    try:
        with np.errstate(all="ignore"):
            return evaluate(call, arrays)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise call.damaged(f"operands {[list(a.shape) for a in arrays[:4]]}: {error}") from error
