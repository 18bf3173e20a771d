"""Operators of .tflite files that move elements: few of ours stand for many of the file's.

What takes a tensor apart is a slice for each output, what puts several together a concatenation,
and blocks become a transpose between two reshapes, which cost nothing.
"""

from __future__ import annotations

from math import prod

from tflite.BuiltinOptions import BuiltinOptions

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.flatbuffer import INT32, Field
from tinycc_ml.importers.tflite_row import Part, Row, composite, plain
from tinycc_ml.importers.tflite_view import OperatorView
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.ops.slice import SliceAttrs
from tinycc_ml.ops.tile import TileAttrs
from tinycc_ml.ops.transpose import TransposeAttrs

Shape = tuple[int, ...]


def _moved(shape: Shape, permutation: Shape) -> tuple[str, ReshapeAttrs | TransposeAttrs]:
    """A transpose; a reshape where only dimensions of extent 1 change their place."""
    long = [i for i in permutation if shape[i] != 1]
    if long == sorted(long):
        return "reshape", ReshapeAttrs(tuple(shape[i] for i in permutation))
    return "transpose", TransposeAttrs(permutation)


def _transpose(view: OperatorView) -> tuple[Part, ...]:
    shape, permutation = view.shape(0), view.integers(1, "permutation")
    if sorted(i % max(len(shape), 1) for i in permutation) != list(range(len(shape))):
        raise view.damaged(f"permutation {list(permutation[:16])} of {len(shape)} dimensions")
    return (Part(*_moved(shape, tuple(i % len(shape) for i in permutation))),)


def _slice(view: OperatorView) -> tuple[Part, ...]:
    shape, begin, size = view.shape(0), view.integers(1, "begin"), view.integers(2, "size")
    if not len(shape) == len(begin) == len(size):
        raise view.damaged(f"begin and size of {len(begin)}, {len(size)} for {len(shape)}")
    # -1 stands for all that is left.
    sizes = tuple(e - b if s == -1 else s for e, b, s in zip(shape, begin, size, strict=True))
    return (Part("slice", SliceAttrs(begin, sizes, (1,) * len(shape))),)


def _strided_slice(view: OperatorView) -> tuple[Part, ...]:
    shape = view.shape(0)
    begin, end, strides = (
        view.integers(i + 1, what) for i, what in enumerate(("begin", "end", "strides"))
    )
    if not len(shape) == len(begin) == len(end) == len(strides) or 0 in strides:
        raise view.damaged(f"begin, end or strides do not fit {len(shape)} dimensions")
    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_mask = (
        view.option(Field(i, "mask"), INT32) for i in range(5)
    )
    if ellipsis_mask or new_axis_mask:
        raise UnsupportedError("an ellipsis or a new axis; allowed one index per dimension")
    first: list[int] = []
    size: list[int] = []
    for i, extent in enumerate(shape):
        bit = 1 << i
        if shrink_mask & bit:
            first.append(begin[i] % extent if -extent <= begin[i] else begin[i])
            size.append(1)
            continue
        part = slice(
            None if begin_mask & bit else begin[i], None if end_mask & bit else end[i], strides[i]
        )
        indices = range(*part.indices(extent))
        first.append(indices.start)
        size.append(len(indices))
    steps = tuple(1 if n == 1 else s for n, s in zip(size, strides, strict=True))
    return _sliced_to(view.output_shape(), SliceAttrs(tuple(first), tuple(size), steps))


def _sliced_to(shape: Shape, attrs: SliceAttrs, output: int = 0) -> tuple[Part, ...]:
    """A slice, and dimensions of extent 1 dropped where the file drops them."""
    if attrs.size == shape:
        return (Part("slice", attrs, output=output),)
    return (
        Part("slice", attrs, output=None),
        Part("reshape", ReshapeAttrs(shape), (-1,), output),
    )


def _along(shape: Shape, axis: int, begin: int, size: int) -> SliceAttrs:
    return SliceAttrs(
        tuple(begin if i == axis else 0 for i in range(len(shape))),
        tuple(size if i == axis else extent for i, extent in enumerate(shape)),
        (1,) * len(shape),
    )


def _pieces(view: OperatorView, position: int, axis: int, sizes: Shape) -> tuple[Part, ...]:
    shape, outputs = view.shape(position), len(view.operator.outputs)
    if len(sizes) != outputs or sum(sizes) != shape[axis]:
        raise view.damaged(f"{shape[axis]} elements in {len(sizes)} parts for {outputs} outputs")
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    return tuple(
        Part("slice", _along(shape, axis, start, size), output=i)
        for i, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )


def _split(view: OperatorView) -> tuple[Part, ...]:
    axis = view.axis(view.one_integer(0, "axis"), 1)
    count = max(1, len(view.operator.outputs))
    return _pieces(view, 1, axis, (view.shape(1)[axis] // count,) * count)


def _split_v(view: OperatorView) -> tuple[Part, ...]:
    axis, sizes = view.axis(view.one_integer(2, "axis")), view.integers(1, "sizes")
    rest = view.shape(0)[axis] - sum(size for size in sizes if size != -1)
    return _pieces(view, 0, axis, tuple(rest if size == -1 else size for size in sizes))


def _unpack(view: OperatorView) -> tuple[Part, ...]:
    shape, axis = view.shape(0), view.axis(view.option(Field(1, "axis"), INT32))
    if len(view.operator.outputs) != shape[axis]:
        raise view.damaged(f"{len(view.operator.outputs)} outputs for {shape[axis]} elements")
    parts: list[Part] = []
    for i in range(shape[axis]):
        attrs = _along(shape, axis, i, 1)
        parts.append(Part("slice", attrs, output=None))
        dropped = ReshapeAttrs(shape[:axis] + shape[axis + 1 :])
        parts.append(Part("reshape", dropped, (~(2 * i),), i))
    return tuple(parts)


def _pack(view: OperatorView) -> tuple[Part, ...]:
    count = len(view.operator.inputs)
    axis, shape = view.axis(view.option(Field(1, "axis"), INT32), new=1), view.shape(0)
    thin = ReshapeAttrs((*shape[:axis], 1, *shape[axis:]))
    parts = [Part("reshape", thin, (i,), None) for i in range(count)]
    joined = Part("concatenation", ConcatenationAttrs(axis), tuple(~i for i in range(count)))
    return (*parts, joined)


def _reshaped(view: OperatorView) -> tuple[Part, ...]:
    return (Part("reshape", ReshapeAttrs(view.output_shape())),)


def _tile(view: OperatorView) -> tuple[Part, ...]:
    return (Part("tile", TileAttrs(view.integers(1, "multiples"))),)


def _broadcast_to(view: OperatorView) -> tuple[Part, ...]:
    shape, wanted = view.shape(0), view.integers(1, "shape")
    padded = (1,) * (len(wanted) - len(shape)) + shape
    fits = len(padded) == len(wanted) and all(
        e in (1, w) and w > 0 for e, w in zip(padded, wanted, strict=True)
    )
    if not fits:
        raise view.damaged(f"{list(shape)} broadcast to {list(wanted[:16])}")
    repeats = TileAttrs(tuple(w // e for e, w in zip(padded, wanted, strict=True)))
    return Part("reshape", ReshapeAttrs(padded), output=None), Part("tile", repeats, (-1,))


def _reverse(view: OperatorView) -> tuple[Part, ...]:
    shape = view.shape(0)
    axes = {view.axis(axis) for axis in view.integers(1, "axes")}
    attrs = SliceAttrs(
        tuple(extent - 1 if i in axes else 0 for i, extent in enumerate(shape)),
        shape,
        tuple(-1 if i in axes else 1 for i in range(len(shape))),
    )
    return (Part("slice", attrs),)


def _blocks(view: OperatorView, split: Shape, permutation: Shape) -> tuple[Part, ...]:
    """A transpose of what the input's dimensions are divided into."""
    return (
        Part("reshape", ReshapeAttrs(split), output=None),
        Part(*_moved(split, permutation), (-1,), None),
        Part("reshape", ReshapeAttrs(view.output_shape()), (-2,)),
    )


def _block_size(view: OperatorView) -> int:
    return view.positive(Field(0, "block_size"))


def _depth_to_space(view: OperatorView) -> tuple[Part, ...]:
    (n, h, w, c), size = view.shape(0, rank=4), _block_size(view)
    if c % (size * size):
        raise view.damaged(f"{c} channels in blocks of {size}x{size}")
    return _blocks(view, (n, h, w, size, size, c // (size * size)), (0, 1, 3, 2, 4, 5))


def _space_to_depth(view: OperatorView) -> tuple[Part, ...]:
    (n, h, w, c), size = view.shape(0, rank=4), _block_size(view)
    if h % size or w % size:
        raise view.damaged(f"{h}x{w} pixels in blocks of {size}x{size}")
    return _blocks(view, (n, h // size, size, w // size, size, c), (0, 1, 3, 2, 4, 5))


def _block_parameters(view: OperatorView, what: str) -> tuple[Shape, Shape, Shape]:
    """Block extents of the dimensions behind the batch, and a pair of numbers for each."""
    blocks, pairs = view.integers(1, "block shape"), view.integers(2, what)
    dimensions = len(view.shape(0)) - 1
    if len(pairs) != 2 * len(blocks) or len(blocks) > dimensions or min(blocks, default=1) < 1:
        raise view.damaged(f"block shape {list(blocks[:16])}, {what} {list(pairs[:16])}")
    return blocks, pairs[0::2], pairs[1::2]


def _space_to_batch(view: OperatorView) -> tuple[Part, ...]:
    shape = view.shape(0)
    blocks, before, after = _block_parameters(view, "paddings")
    count = len(blocks)
    rest = (0,) * (len(shape) - 1 - count)
    # The library pads with the integer 0 here, whatever the zero point.
    pad = PadAttrs((0, *before, *rest), (0, *after, *rest), 0)
    padded = [e + b + a for e, b, a in zip(shape, pad.before, pad.after, strict=True)]
    inner = padded[1 : count + 1]
    if any(extent % block for extent, block in zip(inner, blocks, strict=True)):
        raise view.damaged(f"{inner} in blocks of {list(blocks)}")
    split = [padded[0]]
    for extent, block in zip(inner, blocks, strict=True):
        split += [extent // block, block]
    split += padded[count + 1 :]
    order = (
        *range(2, 2 * count + 1, 2),
        0,
        *range(1, 2 * count, 2),
        *range(2 * count + 1, len(split)),
    )
    first, moved, last = _blocks(view, tuple(split), order)
    return (
        Part("pad", pad, output=None),
        Part(first.op, first.attrs, (-1,), None),
        Part(moved.op, moved.attrs, (-2,), None),
        Part(last.op, last.attrs, (-3,)),
    )


def _batch_to_space(view: OperatorView) -> tuple[Part, ...]:
    shape = view.shape(0)
    blocks, before, after = _block_parameters(view, "crops")
    count = len(blocks)
    if shape[0] % prod(blocks):
        raise view.damaged(f"batch {shape[0]} in blocks of {list(blocks)}")
    split = (*blocks, shape[0] // prod(blocks), *shape[1:])
    order = [count]
    for i in range(count):
        order += [count + 1 + i, i]
    order += range(2 * count + 1, len(split))
    whole = [e * b for e, b in zip(shape[1:], blocks, strict=False)]
    full = (split[count], *whole, *shape[count + 1 :])
    begin = (0, *before, *(0,) * (len(shape) - 1 - count))
    behind = (0, *after, *(0,) * (len(shape) - 1 - count))
    size = tuple(e - b - a for e, b, a in zip(full, begin, behind, strict=True))
    return (
        Part("reshape", ReshapeAttrs(split), output=None),
        Part(*_moved(split, tuple(order)), (-1,), None),
        Part("reshape", ReshapeAttrs(full), (-2,), None),
        Part("slice", SliceAttrs(begin, size, (1,) * len(shape)), (-3,)),
    )


_O = BuiltinOptions
MOVEMENT: dict[str, Row] = {
    "BATCH_TO_SPACE_ND": composite(_batch_to_space, _O.BatchToSpaceNDOptions, 3, 3, operands=1),
    "BROADCAST_TO": composite(_broadcast_to, _O.BroadcastToOptions, 2, 2, operands=1),
    "DEPTH_TO_SPACE": composite(_depth_to_space, _O.DepthToSpaceOptions),
    "DYNAMIC_UPDATE_SLICE": Row("update_slice", plain, _O.DynamicUpdateSliceOptions, 3, 3),
    "EXPAND_DIMS": composite(_reshaped, _O.ExpandDimsOptions, 2, 2, operands=1),
    "GATHER_ND": Row("gather_nd", plain, _O.GatherNdOptions, 2, 2),
    "PACK": composite(_pack, _O.PackOptions, 1, None),
    "REVERSE_V2": composite(_reverse, _O.ReverseV2Options, 2, 2, operands=1),
    "SLICE": composite(_slice, _O.SliceOptions, 3, 3, operands=1),
    "SPACE_TO_BATCH_ND": composite(_space_to_batch, _O.SpaceToBatchNDOptions, 3, 3, operands=1),
    "SPACE_TO_DEPTH": composite(_space_to_depth, _O.SpaceToDepthOptions),
    "SPLIT": composite(_split, _O.SplitOptions, 2, 2, operands=(1,)),
    "SPLIT_V": composite(_split_v, _O.SplitVOptions, 3, 3, operands=1),
    "SQUEEZE": composite(_reshaped, _O.SqueezeOptions),
    "STRIDED_SLICE": composite(_strided_slice, _O.StridedSliceOptions, 4, 4, operands=1),
    "TILE": composite(_tile, _O.TileOptions, 2, 2, operands=1),
    "TRANSPOSE": composite(_transpose, _O.TransposeOptions, 2, 2, operands=1),
    "UNPACK": composite(_unpack, _O.UnpackOptions),
}
