"""Sequences of tensors: how many there are is known at import, so that nothing is left of them."""

from __future__ import annotations

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_movement import sliced
from tinycc_ml.importers.onnx.rows_shape import joined, run_time
from tinycc_ml.importers.onnx.tensors import MAX_RANK
from tinycc_ml.importers.onnx.values import Const, Item, Sequence, Value

_MAX_ITEMS = 1 << 12


def empty(call: Call) -> list[Item]:
    """SequenceEmpty."""
    return [Sequence(())]


def construct(call: Call) -> list[Item]:
    """SequenceConstruct."""
    return [Sequence(tuple(call.items()))]


def insert(call: Call) -> list[Item]:
    """SequenceInsert at a constant place; behind the last by default."""
    items = call.sequence(0)
    place = len(items)
    if call.optional(2) is not None:
        place = _place(call, 2, place, beyond=1)
    if len(items) >= _MAX_ITEMS:
        raise UnsupportedError(f"a sequence of more than {_MAX_ITEMS} tensors")
    return [Sequence((*items[:place], call.item(1), *items[place:]))]


def erase(call: Call) -> list[Item]:
    """SequenceErase at a constant place; the last by default."""
    items = call.sequence(0)
    place = len(items) - 1
    if call.optional(1) is not None:
        place = _place(call, 1, len(items))
    if not items:
        raise call.damaged("nothing to erase")
    return [Sequence((*items[:place], *items[place + 1 :]))]


def at(call: Call) -> list[Item]:
    """SequenceAt a constant place."""
    items = call.sequence(0)
    return [items[_place(call, 1, len(items))]]


def length(call: Call) -> list[Item]:
    """SequenceLength: a constant."""
    return [Const(np.array(len(call.sequence(0)), np.int64))]


def concat_from(call: Call) -> list[Item]:
    """ConcatFromSequence, along a dimension that is there or a new one."""
    items = list(call.sequence(0))
    if not items:
        raise call.damaged("nothing to concatenate")
    rank, is_new = len(items[0].shape), bool(call.attr_int("new_axis", 0))
    axis = call.axis(call.attr_int("axis"), rank + is_new)
    if is_new:
        if rank >= MAX_RANK:
            raise UnsupportedError(f"more than {MAX_RANK} dimensions")
        items = [_with_axis(call, item, axis) for item in items]
    if any(len(item.shape) != rank + is_new for item in items) or rank + is_new == 0:
        raise call.damaged(f"tensors of shapes {[list(item.shape) for item in items[:8]]}")
    return [joined(call, items, axis)]


def split_to(call: Call) -> list[Item]:
    """SplitToSequence: slices; of one element each where nothing says otherwise."""
    x = run_time(call)
    rank, keeps = len(x.shape), True
    axis = call.axis(call.attr_int("axis", 0), rank)
    extent = x.shape[axis]
    if call.optional(1) is None:
        sizes, keeps = (1,) * extent, bool(call.attr_int("keepdims", 1))
    else:
        sizes = call.integers(1, "split")
        if call.item(1).shape == ():
            (part,) = sizes
            if part < 1:
                raise call.damaged(f"parts of {part} elements")
            sizes = tuple(min(part, extent - start) for start in range(0, extent, part))
    if sum(sizes) != extent or min(sizes) < 0 or len(sizes) > _MAX_ITEMS:
        raise call.damaged(f"{extent} elements in parts of {list(sizes)[:16]}")
    if 0 in sizes:
        raise UnsupportedError("a part without elements")
    items: list[Const | Value] = []
    for i, size in enumerate(sizes):
        begin, sized = [0] * rank, list(x.shape)
        begin[axis], sized[axis] = sum(sizes[:i]), size
        item = sliced(call, x, begin, sized, [1] * rank)
        if not keeps:
            item = call.builder.reshaped(item, x.shape[:axis] + x.shape[axis + 1 :])
        items.append(item)
    return [Sequence(tuple(items))]


def _place(call: Call, position: int, count: int, beyond: int = 0) -> int:
    """A constant place among so many tensors, maybe counted from their end."""
    places = call.integers(position, "position")
    if len(places) != 1 or not -count <= places[0] < count + beyond:
        raise call.damaged(f"position {list(places)[:8]} of {count} tensors")
    return places[0] + count if places[0] < 0 else places[0]


def _with_axis(call: Call, item: Const | Value, axis: int) -> Const | Value:
    shape = (*item.shape[:axis], 1, *item.shape[axis:])
    if isinstance(item, Value):
        return call.builder.reshaped(item, shape)
    return Const(item.numbers.reshape(shape))
