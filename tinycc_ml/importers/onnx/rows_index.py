"""Operators that look for elements, or choose and replace them by index.

Indices of elements must be constants: then such an operator is a choice of elements at places that
are known, out of its operands one behind the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_elementwise import applied, broadcast_operands
from tinycc_ml.importers.onnx.rows_movement import taken
from tinycc_ml.importers.onnx.rows_shape import run_time
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.arg_extreme import ArgExtremeAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.mul import MulAttrs

Translate = Callable[[Call], list[Item]]
Shape = tuple[int, ...]

#: Operator, attributes, and the second operand that changes nothing (of sums, -0 does not).
_REDUCTIONS: dict[str, tuple[str, OpAttrs, float | None]] = {
    "add": ("add", AddAttrs(), -0.0),
    "mul": ("mul", MulAttrs(), 1.0),
    "max": ("maximum", OpAttrs(), None),
    "min": ("minimum", OpAttrs(), None),
}


# Extremes.


def _place(call: Call, operator: str, axis: int, *, keep_dims: bool, last: bool = False) -> Value:
    """Where along a dimension the extreme is, as int64."""
    x = run_time(call)
    order = x.order
    if not keep_dims:
        left = [d for d in range(len(x.shape)) if d != axis]
        order = tuple(left.index(d) for d in x.order if d != axis)
    attrs = ArgExtremeAttrs(x.order.index(axis), keep_dims, last)
    return call.emit(operator, [call.builder.stored(x, x.order)], order, attrs, DType.INT64)


def arg_extreme(operator: str) -> Translate:
    """A row for ArgMax or ArgMin."""

    def translate(call: Call) -> list[Item]:
        axis = call.axis(call.attr_int("axis", 0), len(call.item(0).shape))
        keep_dims = bool(call.attr_int("keepdims", 1))
        last = bool(call.attr_int("select_last_index", 0))
        return [_place(call, operator, axis, keep_dims=keep_dims, last=last)]

    return translate


def hardmax(call: Call) -> list[Item]:
    """Hardmax: 1 at the first maximum; before opset 13 of all dimensions from one on."""
    x = run_time(call)
    rank = len(x.shape)
    axis = call.axis(call.attr_int("axis", -1 if call.opset >= 13 else 1), rank)
    if call.opset < 13 and axis != rank - 1:
        raise UnsupportedError(f"axis {axis} of {rank} dimensions; allowed the last one")
    place = _place(call, "arg_max", axis, keep_dims=True)
    indices = _along(np.arange(x.shape[axis]), axis, rank)
    return [_chosen(call, _equal(call, place, indices), _scalar(1.0), _scalar(0.0))]


def one_hot(call: Call) -> list[Item]:
    """OneHot: indices at run time, of a constant depth; negative ones count from the end."""
    x = run_time(call)
    depths, values = call.constant(1, "depth"), call.item(2)
    if depths.size != 1 or values.shape != (2,) or not 1 <= int(depths.reshape(-1)[0]) < 1 << 20:
        raise call.damaged(f"depth {depths.reshape(-1)[:4]}, values of shape {list(values.shape)}")
    depth, rank = int(depths.reshape(-1)[0]), len(x.shape) + 1
    axis = call.axis(call.attr_int("axis", -1), rank)
    x = call.builder.reshaped(x, (*x.shape[:axis], 1, *x.shape[axis:]))
    numbers = np.arange(depth).astype(call.dtype(0).numpy)
    hit = applied(
        call,
        "logical_or",
        OpAttrs(),
        _equal(call, x, _along(numbers, axis, rank)),
        _equal(call, x, _along(numbers - numbers.dtype.type(depth), axis, rank)),
    )
    if not isinstance(values, Const):
        raise UnsupportedError("values computed at run time; allowed constants")
    off, on = (Const(values.numbers[i : i + 1].reshape(())) for i in (0, 1))
    return [_chosen(call, hit, on, off)]


def _along(numbers: Array, axis: int, rank: int) -> Const:
    return Const(numbers.reshape([-1 if d == axis else 1 for d in range(rank)]))


def _scalar(number: float) -> Const:
    return Const(np.array(number, np.float32))


def _equal(call: Call, x: Value, y: Const) -> Value:
    names, order = broadcast_operands(call, [x, y])
    return call.emit("equal", names, order, dtype=DType.BOOL)


def _chosen(call: Call, condition: Const | Value, yes: Const | Value, no: Const | Value) -> Value:
    """One of two operands, of which the first says the element type."""
    names, order = broadcast_operands(call, [condition, yes, no])
    return call.emit("select", names, order, dtype=call.builder.types[names[1]].dtype)


# Functions with a case distinction.


def is_nan(call: Call) -> list[Item]:
    """IsNaN: what differs from itself."""
    names, order = broadcast_operands(call, [run_time(call), run_time(call)])
    return [call.emit("not_equal", names, order, dtype=DType.BOOL)]


def is_inf(call: Call) -> list[Item]:
    """IsInf, of one sign or of both."""
    x = run_time(call)
    signs = [
        sign
        for name, sign in (("detect_positive", 1.0), ("detect_negative", -1.0))
        if call.attr_int(name, 1)
    ]
    found = [_equal(call, x, _scalar(sign * np.inf)) for sign in signs]
    if not found:
        raise UnsupportedError("neither detect_positive nor detect_negative")
    if len(found) == 1:
        return [found[0]]
    return [applied(call, "logical_or", OpAttrs(), *found)]


def _compared(call: Call, operator: str, x: Value, bound: float) -> Value:
    names, order = broadcast_operands(call, [x, _scalar(bound)])
    return call.emit(operator, names, order, dtype=DType.BOOL)


def thresholded_relu(call: Call) -> list[Item]:
    """ThresholdedRelu: 0 up to a bound."""
    x = run_time(call)
    above = _compared(call, "greater", x, call.attr_float("alpha", 1.0))
    return [_chosen(call, above, x, _scalar(0.0))]


def shrink(call: Call) -> list[Item]:
    """Shrink: 0 near 0, and the rest moved towards it."""
    x = run_time(call)
    bias, bound = call.attr_float("bias", 0.0), call.attr_float("lambd", 0.5)
    low, high = x, x
    if bias:
        low, high = (applied(call, "add", AddAttrs(), x, _scalar(b)) for b in (bias, -bias))
    above = _chosen(call, _compared(call, "greater", x, bound), high, _scalar(0.0))
    return [_chosen(call, _compared(call, "less", x, -bound), low, above)]


def trilu(call: Call) -> list[Item]:
    """Trilu: 0 below or above a diagonal."""
    x = run_time(call)
    if len(x.shape) < 2:
        raise call.damaged(f"input of shape {list(x.shape)}")
    diagonal = call.integers(1, "k")[0] if call.optional(1) is not None else 0
    rows, columns = np.indices(x.shape[-2:])
    distance = columns - rows
    kept = distance >= diagonal if call.attr_int("upper", 1) else distance <= diagonal
    zero = Const(np.zeros((), call.dtype(0).numpy))
    return [_chosen(call, Const(kept), x, zero)]


# Choices at constant places.


def _flat(call: Call, item: Const | Value) -> Const | Value:
    size = prod(item.shape)
    if isinstance(item, Value):
        return call.builder.reshaped(item, (size,))
    return Const(item.numbers.reshape(size))


def _picked(call: Call, operands: Sequence[Const | Value], places: Array) -> Value:
    """Elements of the operands, which lie one behind the other, at places of any shape."""
    if not places.size:
        raise UnsupportedError("a result without elements")
    flat = [_flat(call, item) for item in operands]
    if len(flat) == 1:
        item = flat[0]
        joined = item if isinstance(item, Value) else call.builder.wrap(call.builder.plain(item))
    else:
        names = [call.builder.plain(item) for item in flat]
        joined = call.emit("concatenation", names, None, ConcatenationAttrs(0))
    result = taken(call, joined, {0: [int(i) for i in places.reshape(-1)]})
    return call.builder.reshaped(result, places.shape)


def _indices(call: Call, position: int, extents: Array | int) -> Array:
    """Constant indices, not negative; `extents` is what each must be below."""
    array = call.constant(position, "indices")
    if array.dtype.kind not in "iu" or np.any(array < -extents) or np.any(array >= extents):
        raise call.damaged("indices outside the tensor")
    return np.where(array < 0, array + extents, array).astype(np.int64)


def _element_places(call: Call, shape: Shape, axis: int) -> Array:
    """For each index along an axis the place of the element it names, in the tensor of `shape`."""
    indices = _indices(call, 1, shape[axis])
    if indices.ndim != len(shape) or any(
        n > s for d, (n, s) in enumerate(zip(indices.shape, shape, strict=True)) if d != axis
    ):
        raise call.damaged(f"indices of shape {list(indices.shape)} for {list(shape)}")
    where: list[Array] = list(np.indices(indices.shape))
    where[axis] = indices
    return np.asarray(np.ravel_multi_index(tuple(where), shape))


def _slice_places(call: Call, shape: Shape, batch: int = 0) -> Array:
    """For each tuple of indices the places of the slice it names."""
    raw = call.constant(1, "indices")
    count = raw.shape[-1] if raw.ndim else 0
    if not 1 <= count <= len(shape) - batch or raw.shape[:batch] != shape[:batch]:
        raise call.damaged(f"indices of shape {list(raw.shape)} for {list(shape)}")
    indices = _indices(call, 1, np.array(shape[batch : batch + count]))
    leading = np.indices(raw.shape[:-1])[:batch]
    places = np.arange(prod(shape)).reshape(shape)
    found: Array = places[(*leading, *np.moveaxis(indices, -1, 0))]
    return found


def gather_elements(call: Call) -> list[Item]:
    """GatherElements at constant indices."""
    x = run_time(call)
    axis = call.axis(call.attr_int("axis", 0), len(x.shape))
    return [_picked(call, [x], _element_places(call, x.shape, axis))]


def gather_nd(call: Call) -> list[Item]:
    """GatherND at constant indices."""
    x = run_time(call)
    return [_picked(call, [x], _slice_places(call, x.shape, call.attr_int("batch_dims", 0)))]


def scatter_elements(call: Call) -> list[Item]:
    """ScatterElements (and Scatter, its older name) at constant indices."""
    shape = call.item(0).shape
    axis = call.axis(call.attr_int("axis", 0), len(shape))
    return [_scattered(call, _element_places(call, shape, axis))]


def scatter_nd(call: Call) -> list[Item]:
    """ScatterND at constant indices."""
    return [_scattered(call, _slice_places(call, call.item(0).shape))]


def _scattered(call: Call, places: Array) -> Value:
    """The first operand with its elements at some places replaced by, or combined with updates."""
    x, updates = call.item(0), call.item(2)
    if updates.shape != places.shape:
        raise call.damaged(f"updates of shape {list(updates.shape)} for {list(places.shape)}")
    how, count = call.attr_text("reduction", "none"), prod(x.shape)
    here = np.arange(count)
    if how == "none":
        here[places.reshape(-1)] = count + np.arange(places.size)
        return _picked(call, [x, updates], here.reshape(x.shape))
    if how not in _REDUCTIONS:
        raise call.damaged(f"reduction {how}")
    operator, attrs, neutral = _REDUCTIONS[how]
    result = x
    for chosen in _rounds(places.reshape(-1)):
        # Elements without an update in this round meet themselves, or the neutral number.
        second = here.copy() if neutral is None else np.full(count, count + places.size)
        second[places.reshape(-1)[chosen]] = count + chosen
        operands = [x, updates]
        if neutral is not None:
            operands.append(Const(np.array(neutral, call.dtype(0).numpy)))
        picked = _picked(call, operands, second.reshape(x.shape))
        result = applied(call, operator, attrs, result, picked)
    assert isinstance(result, Value)  # there is an update
    return result


def _rounds(places: Array) -> list[Array]:
    """Positions in `places` in rounds that meet each place once, in the order given."""
    rounds: list[list[int]] = []
    seen: dict[int, int] = {}
    for position, place in enumerate(places.tolist()):
        turn = seen.get(place, 0)
        seen[place] = turn + 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(position)
    return [np.array(found) for found in rounds]


def tensor_scatter(call: Call) -> list[Item]:
    """TensorScatter: rows of a cache replaced from a constant index on, around its end or not."""
    x, updates = call.item(0), call.item(1)
    rank = len(x.shape)
    axis = call.axis(call.attr_int("axis", -2), rank)
    mode = call.attr_text("mode", "linear")
    starts = np.zeros(x.shape[0], np.int64)
    if call.optional(2) is not None:
        starts = call.constant(2, "write_indices").astype(np.int64)
    expected = tuple(updates.shape[d] if d == axis else e for d, e in enumerate(x.shape))
    if axis == 0 or starts.shape != x.shape[:1] or updates.shape != expected:
        raise call.damaged(f"updates of shape {list(updates.shape)} for {list(x.shape)}")
    where = list(np.indices(updates.shape))
    where[axis] = where[axis] + starts[where[0]]
    if mode == "circular":
        where[axis] = where[axis] % x.shape[axis]
    elif mode != "linear" or np.any(where[axis] >= x.shape[axis]) or np.any(starts < 0):
        raise call.damaged(f"indices outside the tensor, mode {mode}")
    here = np.arange(prod(x.shape)).reshape(x.shape)
    here[tuple(where)] = here.size + np.arange(prod(updates.shape)).reshape(updates.shape)
    return [_picked(call, [x, updates], here)]


def compress(call: Call) -> list[Item]:
    """Compress by a constant condition; without an axis of all elements in their order."""
    x = run_time(call)
    kept = np.flatnonzero(call.constant(1, "condition"))
    places = np.arange(prod(x.shape))
    if not call.has_attr("axis"):
        return [_picked(call, [x], places[kept[kept < places.size]])]
    axis = call.axis(call.attr_int("axis"), len(x.shape))
    kept = kept[kept < x.shape[axis]]
    return [_picked(call, [x], places.reshape(x.shape).take(kept, axis))]


def reverse_sequence(call: Call) -> list[Item]:
    """ReverseSequence of constant lengths."""
    x = run_time(call)
    time, batch = call.attr_int("time_axis", 0), call.attr_int("batch_axis", 1)
    if len(x.shape) < 2 or {time, batch} != {0, 1}:
        raise call.damaged(f"axes {time} and {batch} of {len(x.shape)} dimensions")
    lengths = call.integers(1, "sequence_lens")
    if len(lengths) != x.shape[batch] or not all(0 <= n <= x.shape[time] for n in lengths):
        raise call.damaged(f"lengths {list(lengths)[:16]} of shape {list(x.shape)}")
    where = list(np.indices(x.shape))
    ends = np.array(lengths)[where[batch]]
    where[time] = np.where(where[time] < ends, ends - 1 - where[time], where[time])
    return [_picked(call, [x], np.asarray(np.ravel_multi_index(tuple(where), x.shape)))]


def center_crop_pad(call: Call) -> list[Item]:
    """CenterCropPad to a constant shape; an odd element more is at the end."""
    x = run_time(call)
    rank = len(x.shape)
    axes = [call.axis(a, rank) for a in call.attr_ints("axes", range(rank))]
    wanted = call.integers(1, "shape")
    if len(wanted) != len(axes) or min(wanted, default=1) < 1:
        raise call.damaged(f"shape {list(wanted)[:16]} for {len(axes)} dimensions")
    count = prod(x.shape)
    places = np.arange(count).reshape(x.shape)
    for axis, extent in zip(axes, wanted, strict=True):
        more = extent - places.shape[axis]
        if more < 0:
            start = -more // 2
            places = places.take(range(start, start + extent), axis)
        elif more:
            widths = [(more // 2, more - more // 2) if d == axis else (0, 0) for d in range(rank)]
            if prod(places.shape) // places.shape[axis] * extent > 1 << 20:
                raise UnsupportedError(f"a shape of {list(wanted)[:16]}; it is too large")
            places = np.pad(places, widths, constant_values=count)
    zero = Const(np.zeros((), call.dtype(0).numpy))
    return [_picked(call, [x, zero], places)]
