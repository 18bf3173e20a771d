"""Operators that move elements or say something about shapes."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.importers.onnx.call import Call, as_scalar
from tinycc_ml.importers.onnx.tensors import numpy_dtype, type_name
from tinycc_ml.importers.onnx.values import Const, Item, Value, identity
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.softmax import SoftmaxAttrs
from tinycc_ml.ops.take import TakeAttrs

#: Indices of padding are data of the generated code, and of a file that may lie.
_MAX_PAD = 1 << 20


def run_time(call: Call, position: int = 0) -> Value:
    """An input as a value of our graph, constants too."""
    item = call.item(position)
    return item if isinstance(item, Value) else call.builder.wrap(call.builder.plain(item))


def same(call: Call) -> list[Item]:
    """Identity, and what is one at inference."""
    return [call.item(0)]


def dropout(call: Call) -> list[Item]:
    """Dropout, which does nothing at inference or with ratio 0; the mask is all true."""
    x = call.item(0)
    if call.optional(2) is not None and bool(call.constant(2, "training_mode").any()):
        ratio = 0.5 if call.optional(1) is None else as_scalar(call.constant(1, "ratio"))
        if ratio:
            raise UnsupportedError("training_mode true; allowed false")
    return [x, Const(np.ones(x.shape, np.bool_))]


def shape(call: Call) -> list[Item]:
    """Shape, which is known."""
    extents = np.array(call.item(0).shape, np.int64)
    end = call.attr_int("end", len(extents)) if call.has_attr("end") else None
    return [Const(extents[call.attr_int("start", 0) : end])]


def eye_like(call: Call) -> list[Item]:
    """EyeLike: only the input's shape and type count."""
    item = call.item(0)
    if len(item.shape) != 2:
        raise call.damaged(f"input of shape {list(item.shape)}")
    dtype: np.dtype[np.generic] | None = call.dtype(0).numpy
    if call.has_attr("dtype"):
        code = call.attr_int("dtype")
        dtype = numpy_dtype(code)
        if dtype is None:
            raise UnsupportedError(f"to {type_name(code)}")
    return [Const(np.eye(*item.shape, k=call.attr_int("k", 0), dtype=dtype))]


def size(call: Call) -> list[Item]:
    """Size, which is known."""
    return [Const(np.array(prod(call.item(0).shape), np.int64))]


def reshape(call: Call) -> list[Item]:
    """Reshape: 0 keeps an extent, -1 is inferred."""
    x = run_time(call)
    wanted = call.integers(1, "new shape") if call.opset >= 5 else call.attr_ints("shape")
    return [call.builder.reshaped(x, new_shape(call, x.shape, wanted))]


def new_shape(call: Call, old: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that Reshape makes of another.

    Raises:
        ModelFileError: If the elements do not fit.
    """
    extents = list(wanted)
    if not call.attr_int("allowzero", 0):
        for i, extent in enumerate(extents):
            if extent == 0 and i >= len(old):
                raise call.damaged(f"new shape {extents[:16]} for {list(old)}")
            extents[i] = old[i] if extent == 0 else extent
    if extents.count(-1) == 1:
        known = prod(extent for extent in extents if extent != -1)
        if known > 0:
            extents[extents.index(-1)] = prod(old) // known
    if any(extent < 0 for extent in extents) or prod(extents) != prod(old):
        raise call.damaged(f"new shape {list(wanted)[:16]} for {list(old)}")
    return tuple(extents)


def flatten(call: Call) -> list[Item]:
    """Flatten to a matrix."""
    x = run_time(call)
    rank = len(x.shape)
    axis = call.attr_int("axis", 1)
    if not -rank <= axis <= rank:
        raise call.damaged(f"axis {axis} of {rank} dimensions")
    axis = axis if axis >= 0 else axis + rank
    return [call.builder.reshaped(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))]


def given_axes(call: Call, since: int) -> tuple[int, ...] | None:
    """Axes, which are an input since some version, and an attribute before."""
    if call.opset < since:
        return call.attr_ints("axes") if call.has_attr("axes") else None
    return None if call.optional(1) is None else call.integers(1, "axes")


def squeeze(call: Call) -> list[Item]:
    """Squeeze: without dimensions of 1."""
    x = run_time(call)
    numbers = given_axes(call, since=13)
    if numbers is None:
        axes = tuple(i for i, extent in enumerate(x.shape) if extent == 1)
    else:
        axes = call.axes(numbers, len(x.shape))
    if any(x.shape[axis] != 1 for axis in axes):
        raise call.damaged(f"axes {list(axes)} of shape {list(x.shape)} are not all 1")
    return [call.builder.reshaped(x, tuple(e for i, e in enumerate(x.shape) if i not in axes))]


def unsqueeze(call: Call) -> list[Item]:
    """Unsqueeze: with more dimensions of 1."""
    x = run_time(call)
    numbers = given_axes(call, since=13)
    if numbers is None:
        raise call.damaged("axes are absent")
    axes = call.axes(numbers, len(x.shape) + len(numbers))
    extents = iter(x.shape)
    new = tuple(1 if i in axes else next(extents) for i in range(len(x.shape) + len(axes)))
    return [call.builder.reshaped(x, new)]


def transpose(call: Call) -> list[Item]:
    """Transpose: the elements stay, only the order of dimensions is another."""
    x = run_time(call)
    rank = len(x.shape)
    perm = call.attr_ints("perm", tuple(reversed(range(rank))))
    if sorted(perm) != list(range(rank)):
        raise call.damaged(f"perm {list(perm)[:16]} of {rank} dimensions")
    order = tuple(perm.index(d) for d in x.order)
    return [replace(x, shape=tuple(x.shape[d] for d in perm), order=order)]


def concat(call: Call) -> list[Item]:
    """Concat, in the order in which its inputs are stored."""
    items = call.items()
    rank = len(items[0].shape)
    if any(len(item.shape) != rank for item in items) or rank == 0:
        raise call.damaged(f"inputs of shapes {[list(item.shape) for item in items[:8]]}")
    axis = call.axis(call.attr_int("axis", 1 if call.opset < 4 else None), rank)
    items = [item for item in items if 0 not in item.shape] or items[:1]
    order = common_order(items, rank)
    names = [call.builder.stored(item, order) for item in items]
    return [call.emit("concatenation", names, order, ConcatenationAttrs(order.index(axis)))]


def joined(call: Call, items: list[Const | Value], axis: int) -> Value:
    """Values one behind the other along one of the file's dimensions."""
    rank = len(items[0].shape)
    order = common_order(items, rank)
    names = [call.builder.stored(item, order) for item in items]
    return call.emit("concatenation", names, order, ConcatenationAttrs(order.index(axis)))


def common_order(items: list[Const | Value], rank: int) -> tuple[int, ...]:
    """The order of dimensions that most run-time operands of that rank have."""
    orders = [item.order for item in items if isinstance(item, Value) and len(item.shape) == rank]
    if not orders:
        return identity(rank)
    return max(orders, key=orders.count)


def pad(call: Call) -> list[Item]:
    """Pad with a constant, or with elements of the input."""
    x = run_time(call)
    rank = len(x.shape)
    mode = call.attr_text("mode", "constant")
    if call.opset >= 11:
        numbers = call.integers(1, "pads")
        given = call.optional(2)
        value = 0.0 if given is None else as_scalar(call.constant(2, "constant_value"))
    else:
        numbers, value = call.attr_ints("pads"), call.attr_float("value", 0.0)
    axes = tuple(range(rank))
    if call.opset >= 18 and call.optional(3) is not None:
        axes = tuple(call.axis(number, rank) for number in call.integers(3, "axes"))
    if len(numbers) != 2 * len(axes):
        raise call.damaged(f"{len(numbers)} pads for {len(axes)} dimensions")
    if any(abs(number) > _MAX_PAD for number in numbers):
        raise UnsupportedError(f"pads {list(numbers)[:16]}; allowed up to {_MAX_PAD}")
    before, after = dict.fromkeys(range(rank), 0), dict.fromkeys(range(rank), 0)
    before.update(zip(axes, numbers[: len(axes)], strict=True))
    after.update(zip(axes, numbers[len(axes) :], strict=True))
    if mode == "constant":
        attrs = PadAttrs(
            tuple(before[d] for d in x.order),
            tuple(after[d] for d in x.order),
            value if value else None,
        )
        return [call.emit("pad", [call.builder.stored(x, x.order)], x.order, attrs)]
    if mode not in ("edge", "reflect", "wrap"):
        raise call.damaged(f"mode {mode}")
    indices = tuple(
        _padded(x.shape[d], before[d], after[d], mode) if before[d] or after[d] else None
        for d in x.order
    )
    return [call.emit("take", [call.builder.stored(x, x.order)], x.order, TakeAttrs(indices))]


def _padded(extent: int, before: int, after: int, mode: str) -> tuple[int, ...]:
    """Which element of a dimension lies at each place of the padded one."""
    if min(before, after) < 0:
        raise UnsupportedError(f"pads {before} and {after} with mode {mode}; allowed from 0")
    padded = np.pad(np.arange(extent), (before, after), mode)  # type: ignore[call-overload]
    return tuple(int(i) for i in padded)


def softmax(call: Call) -> list[Item]:
    """Softmax along one dimension; before opset 13 along all from one on."""
    x = run_time(call)
    rank = len(x.shape)
    default = -1 if call.opset >= 13 else 1
    axis = call.axis(call.attr_int("axis", default), rank) if rank else 0
    if call.opset < 13 and axis != rank - 1:
        flat = call.builder.reshaped(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))
        name = call.builder.plain(flat)
        result = call.emit("softmax", [name], attrs=SoftmaxAttrs())
        return [call.builder.reshaped(result, x.shape)]
    order = (*(d for d in x.order if d != axis), axis)
    return [call.emit("softmax", [call.builder.stored(x, order)], order, SoftmaxAttrs())]


def constant(call: Call) -> list[Item]:
    """Constant, in any of its forms."""
    found = call.attr_tensor("value")
    if found is not None:
        return [found]
    array: Array | None = None
    if call.has_attr("value_float"):
        array = np.array(call.attr_float("value_float"), np.float32)
    elif array is None and call.has_attr("value_int"):
        array = np.array(call.attr_int("value_int"), np.int64)
    elif array is None and call.has_attr("value_ints"):
        array = np.array(call.attr_ints("value_ints"), np.int64)
    elif array is None and call.has_attr("value_floats"):
        array = np.array(call.attributes["value_floats"].floats, np.float32)
    if array is None:
        raise UnsupportedError("a constant that is no dense tensor of numbers")
    return [Const(array)]
