"""Images for our layers: stored channels last, one at a time.

One-dimensional layers are images of one row.
"""

from __future__ import annotations

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.values import Value, channels_last
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.slice import SliceAttrs

_MAX_BATCH = 64


def image(call: Call) -> tuple[str, tuple[int, ...]]:
    """The first input as an NHWC image, and its size without batch and channels as the file has it.

    Raises:
        UnsupportedError: If it has not one or two such dimensions.
    """
    x = call.item(0)
    if len(x.shape) not in (3, 4):
        raise UnsupportedError(f"input of shape {list(x.shape)}; allowed are images (NCHW, NCL)")
    name = call.builder.stored(x, channels_last(len(x.shape)))
    if len(x.shape) == 3:
        n, c, length = x.shape
        name = call.builder.view(name, (n, 1, length, c))
    return name, x.shape[2:]


def layer(call: Call, operator: str, inputs: list[str], attrs: OpAttrs) -> str:
    """A layer applied to each image of an NHWC batch, the first input: ours take one at a time.

    Raises:
        UnsupportedError: If the batch is so large that it must be a mistake.
    """
    builder, (name, *rest) = call.builder, inputs
    n, *size = builder.types[name].shape
    if n == 1:
        return builder.emit(operator, inputs, attrs)
    if n > _MAX_BATCH:
        raise UnsupportedError(f"batch {n}; allowed up to {_MAX_BATCH}")
    results: list[str] = []
    for i in range(n):
        part = SliceAttrs((i, 0, 0, 0), (1, *size), (1, 1, 1, 1))
        image_name = builder.emit("slice", [name], part)
        results.append(builder.emit(operator, [image_name, *rest], attrs))
    return builder.emit("concatenation", results, ConcatenationAttrs(0))


def as_image(call: Call, name: str, rank: int) -> Value:
    """An NHWC result as the file sees it."""
    if rank == 3:
        n, _, width, c = call.builder.types[name].shape
        name = call.builder.view(name, (n, width, c))
    return call.builder.wrap(name, channels_last(rank))
