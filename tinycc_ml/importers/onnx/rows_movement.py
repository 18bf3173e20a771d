"""Operators that take tensors apart, repeat them, or choose elements at constant places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.rows_shape import run_time
from tinycc_ml.importers.onnx.values import Item, Value
from tinycc_ml.ops.gather import GatherAttrs
from tinycc_ml.ops.slice import SliceAttrs
from tinycc_ml.ops.take import TakeAttrs
from tinycc_ml.ops.tile import TileAttrs

#: Indices are data of the generated code, and of a file that may lie.
_MAX_EXTENT = 1 << 20


def sliced(
    call: Call, x: Value, begin: Sequence[int], size: Sequence[int], step: Sequence[int]
) -> Value:
    """Part of a value; the numbers are by the file's dimensions."""
    begin, size, step = (tuple(numbers[d] for d in x.order) for numbers in (begin, size, step))
    attrs = SliceAttrs(begin, size, step)
    return call.emit("slice", [call.builder.stored(x, x.order)], x.order, attrs)


def taken(call: Call, x: Value, indices: Mapping[int, Sequence[int]]) -> Value:
    """The elements at some indices of some of the file's dimensions."""
    chosen = tuple(tuple(indices[d]) if d in indices else None for d in x.order)
    if any(found is not None and len(found) > _MAX_EXTENT for found in chosen):
        raise UnsupportedError(f"more than {_MAX_EXTENT} elements along a dimension")
    return call.emit("take", [call.builder.stored(x, x.order)], x.order, TakeAttrs(chosen))


def slice_(call: Call) -> list[Item]:
    """Slice with constant places."""
    x = run_time(call)
    rank = len(x.shape)
    if call.opset < 10:
        starts, ends = call.attr_ints("starts"), call.attr_ints("ends")
        axes = call.attr_ints("axes", range(len(starts)))
        steps: tuple[int, ...] = (1,) * len(starts)
    else:
        starts, ends = call.integers(1, "starts"), call.integers(2, "ends")
        axes = tuple(range(len(starts)))
        if call.optional(3) is not None:
            axes = call.integers(3, "axes")
        steps = (1,) * len(starts)
        if call.optional(4) is not None:
            steps = call.integers(4, "steps")
    if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
        raise call.damaged("starts, ends, axes and steps do not fit together")
    begin, size, step = [0] * rank, list(x.shape), [1] * rank
    for start, end, axis, stride in zip(starts, ends, axes, steps, strict=True):
        d = call.axis(axis, rank)
        extent = x.shape[d]
        # Backwards, an end before the first element must not count from the end.
        last = None if stride < 0 and end < -extent else end
        indices = range(*slice(start, last, stride).indices(extent))
        begin[d], size[d], step[d] = indices.start, len(indices), stride
    if 0 in size:
        raise UnsupportedError("a slice without elements")
    return [
        sliced(call, x, begin, size, [1 if n == 1 else s for n, s in zip(size, step, strict=True)])
    ]


def split(call: Call) -> list[Item]:
    """Split: a slice for each output."""
    x = run_time(call)
    rank, count = len(x.shape), len(call.node.output)
    axis = call.axis(call.attr_int("axis", 0), rank)
    extent = x.shape[axis]
    if call.opset >= 13 and call.optional(1) is not None:
        sizes = call.integers(1, "split")
    elif call.has_attr("split"):
        sizes = call.attr_ints("split")
    else:
        # The last part is smaller where the elements cannot be shared out equally.
        part = -(-extent // max(count, 1))
        sizes = tuple(max(0, min(part, extent - i * part)) for i in range(count))
    if len(sizes) != count or sum(sizes) != extent or min(sizes, default=0) < 0:
        raise call.damaged(f"{extent} elements in parts of {list(sizes)[:16]}")
    if 0 in sizes:
        raise UnsupportedError("a part without elements")
    results: list[Item] = []
    for i, size in enumerate(sizes):
        begin, sized = [0] * rank, list(x.shape)
        begin[axis], sized[axis] = sum(sizes[:i]), size
        results.append(sliced(call, x, begin, sized, [1] * rank))
    return results


def gather(call: Call) -> list[Item]:
    """Gather at constant indices, or at such of run time."""
    if isinstance(call.item(1), Value):
        return [_looked_up(call)]
    x = run_time(call)
    axis = call.axis(call.attr_int("axis", 0), len(x.shape))
    indices = call.constant(1, "indices")
    extent = x.shape[axis]
    if indices.dtype.kind != "i" or np.any(indices < -extent) or np.any(indices >= extent):
        raise call.damaged(f"indices outside the {extent} elements of axis {axis}")
    flat = [int(i) % extent for i in indices.reshape(-1)]
    if not flat:
        raise UnsupportedError("no indices")
    result = taken(call, x, {axis: flat})
    return [call.builder.reshaped(result, x.shape[:axis] + indices.shape + x.shape[axis + 1 :])]


def _looked_up(call: Call) -> Value:
    """Gather at indices of run time: of a table (an embedding), or of a value."""
    data, indices = call.item(0), call.item(1)
    axis = call.axis(call.attr_int("axis", 0), len(data.shape))
    if call.dtype(1) not in (DType.INT32, DType.INT64):
        raise call.damaged(f"indices of {call.dtype(1).value}")
    places = call.builder.plain(indices)
    if call.dtype(1) is DType.INT64:
        places = call.builder.emit("cast", [places], dtype=DType.INT32)
    # Negative indices count from the end.
    extent = call.builder.constant(np.array([data.shape[axis]], np.int32))
    places = call.builder.emit("integer_mod", [places, extent])
    if not indices.shape:
        places = call.builder.view(places, ())
    return call.emit("gather", [call.builder.plain(data), places], None, GatherAttrs(axis))


def tile(call: Call) -> list[Item]:
    """Tile with constant repeats."""
    x = run_time(call)
    repeats = call.integers(1, "repeats")
    if len(repeats) != len(x.shape):
        raise call.damaged(f"repeats {list(repeats)[:16]} of {len(x.shape)} dimensions")
    return [_repeated(call, x, repeats)]


def _repeated(call: Call, x: Value, repeats: Sequence[int]) -> Value:
    if min(repeats, default=1) < 1:
        raise UnsupportedError(f"repeats {list(repeats)[:16]}; allowed from 1")
    if all(number == 1 for number in repeats):
        return x
    attrs = TileAttrs(tuple(repeats[d] for d in x.order))
    return call.emit("tile", [call.builder.stored(x, x.order)], x.order, attrs)


def expand(call: Call) -> list[Item]:
    """Expand to a constant shape."""
    x, wanted = run_time(call), call.integers(1, "shape")
    rank = max(len(x.shape), len(wanted))
    x = call.builder.reshaped(x, (1,) * (rank - len(x.shape)) + x.shape)
    padded = (1,) * (rank - len(wanted)) + wanted
    if any(e != w and 1 not in (e, w) for e, w in zip(x.shape, padded, strict=True)):
        raise call.damaged(f"{list(x.shape)} expanded to {list(wanted)[:16]}")
    repeats = [w if e == 1 else 1 for e, w in zip(x.shape, padded, strict=True)]
    return [_repeated(call, x, repeats)]


def depth_to_space(call: Call) -> list[Item]:
    """DepthToSpace in both its modes."""
    n, c, h, w, size = _blocks(call)
    if c % (size * size):
        raise call.damaged(f"{c} channels in blocks of {size}x{size}")
    mode, depth = call.attr_text("mode", "DCR"), c // (size * size)
    if mode not in ("DCR", "CRD"):
        raise call.damaged(f"mode {mode}")
    if mode == "DCR":
        parts, perm = (n, size, size, depth, h, w), (0, 3, 4, 1, 5, 2)
    else:
        parts, perm = (n, depth, size, size, h, w), (0, 1, 4, 2, 5, 3)
    return [_rearranged(call, parts, perm, (n, depth, h * size, w * size))]


def space_to_depth(call: Call) -> list[Item]:
    """SpaceToDepth in both its modes."""
    n, c, h, w, size = _blocks(call)
    if h % size or w % size:
        raise call.damaged(f"{h}x{w} pixels in blocks of {size}x{size}")
    h, w = h // size, w // size
    mode = call.attr_text("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise call.damaged(f"mode {mode}")
    perm = (0, 3, 5, 1, 2, 4) if mode == "DCR" else (0, 1, 3, 5, 2, 4)
    shape = (n, c * size * size, h, w)
    return [_rearranged(call, (n, c, h, size, w, size), perm, shape)]


def _blocks(call: Call) -> tuple[int, int, int, int, int]:
    shape, size = call.item(0).shape, call.attr_int("blocksize")
    if len(shape) != 4 or size < 1:
        raise call.damaged(f"blocks of {size} in shape {list(shape)}")
    n, c, h, w = shape
    return n, c, h, w, size


def _rearranged(
    call: Call, parts: tuple[int, ...], perm: tuple[int, ...], shape: tuple[int, ...]
) -> Value:
    x = call.builder.reshaped(run_time(call), parts)
    moved = replace(
        x,
        shape=tuple(x.shape[d] for d in perm),
        order=tuple(perm.index(d) for d in x.order),
    )
    return call.builder.reshaped(moved, shape)
