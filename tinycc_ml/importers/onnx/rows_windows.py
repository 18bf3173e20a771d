"""Windows that our layers do not have: of three dimensions, dilated, of powers, over channels.

Each dimension is taken for itself: the maximum of maxima is the maximum, and sums of sums are sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs
from tinycc_ml.importers.onnx import rows_pooling as pooling
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.images import layer
from tinycc_ml.importers.onnx.rows_elementwise import applied, function
from tinycc_ml.importers.onnx.rows_movement import taken
from tinycc_ml.importers.onnx.rows_shape import run_time
from tinycc_ml.importers.onnx.sliding import pads_of
from tinycc_ml.importers.onnx.values import Const, Item, Value
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mul import MulAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs

_MAX_TAPS = 256
MAX_WEIGHTS = 1 << 20


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows along one dimension.

    Attributes:
        taps: (windows, elements of a window): which element of the input each reads.
        extent: The input's.
        padded_end: Behind which element the padding ends.
    """

    taps: Array
    extent: int
    padded_end: int

    @property
    def is_inside(self) -> Array:
        """Of each tap whether it is on the input."""
        return (self.taps >= 0) & (self.taps < self.extent)

    def matrix(self) -> Array:
        """How often each window reads each element of the input."""
        result: Array = np.zeros((len(self.taps), self.extent), np.float32)
        rows, columns = np.nonzero(self.is_inside)
        np.add.at(result, (rows, self.taps[rows, columns]), 1)
        return result


def max_pool(call: Call) -> list[Item]:
    """MaxPool without indices, also of three dimensions and dilated."""
    if len([name for name in call.node.output if name]) > 1:
        raise UnsupportedError("the output Indices; allowed is the first output only")
    if _is_layer(call):
        return pooling.max_pool(call)
    x = run_time(call)
    for axis, found in _windows(call, x.shape):
        # Of a tap beside the input, another one of its window is read again.
        first = np.argmax(found.is_inside, axis=1)
        inner = found.taps[np.arange(len(first)), first]
        taps = np.where(found.is_inside, found.taps, inner[:, None])
        highest, *others = (taken(call, x, {axis: column.tolist()}) for column in taps.T)
        for other in others:
            highest = applied(call, "maximum", OpAttrs(), highest, other)
        x = highest
    return [x]


def average_pool(call: Call) -> list[Item]:
    """AveragePool, also of three dimensions and dilated."""
    counts_padding = bool(call.attr_int("count_include_pad", 0))
    if _is_layer(call) and not (counts_padding and call.attr_int("ceil_mode", 0)):
        return pooling.average_pool(call)
    x = run_time(call)
    for axis, found in _windows(call, x.shape):
        counted = found.taps < found.padded_end if counts_padding else found.is_inside
        x = weighted_sums(call, x, axis, found.matrix() / counted.sum(axis=1, keepdims=True))
    return [x]


def lp_pool(call: Call) -> list[Item]:
    """LpPool: roots of sums of powers."""
    x, p = run_time(call), call.attr_int("p", 2)
    if p < 1:
        raise call.damaged(f"p {p}")
    x = _power(call, function(call, "abs", x), p)
    for axis, found in _windows(call, x.shape):
        x = weighted_sums(call, x, axis, found.matrix())
    return [_power(call, x, 1 / p)]


def _power(call: Call, x: Value, exponent: float) -> Value:
    if exponent in (1, 2, 0.5):
        return x if exponent == 1 else function(call, "square" if exponent == 2 else "sqrt", x)
    return applied(call, "pow", OpAttrs(), x, Const(np.array(exponent, np.float32)))


def local_response_normalization(call: Call) -> list[Item]:
    """LRN: ``x / (bias + alpha * mean of squares of near channels) ** beta``."""
    x, size = run_time(call), call.attr_int("size")
    if len(x.shape) < 3 or not 1 <= size <= 2 * x.shape[1]:
        raise call.damaged(f"size {size} for shape {list(x.shape)}")
    batch, channels = x.shape[:2]
    squares = call.builder.plain(function(call, "square", x))
    # The channels are the rows of an image.
    name = call.builder.view(squares, (batch, channels, 1, prod(x.shape[2:])))
    around = PadAttrs((0, (size - 1) // 2, 0, 0), (0, size // 2, 0, 0))
    name = call.builder.emit("pad", [name], around)
    name = layer(call, "average_pool2d", [name], Pool2DAttrs((size, 1), (1, 1)))
    means = call.builder.wrap(call.builder.view(name, x.shape))
    alpha, bias, beta = (
        Const(np.array(call.attr_float(attribute, default), np.float32))
        for attribute, default in (("alpha", 1e-4), ("bias", 1.0), ("beta", 0.75))
    )
    base = applied(call, "mul", MulAttrs(), means, alpha)
    base = applied(call, "add", AddAttrs(), base, bias)
    factor = applied(call, "pow", OpAttrs(), base, Const(-beta.array))
    return [applied(call, "mul", MulAttrs(), x, factor)]


def weighted_sums(
    call: Call, x: Value, axis: int, matrix: Array, added: Array | None = None
) -> Value:
    """Sums along one of the file's dimensions.

    Args:
        call: The node.
        x: The value.
        axis: The dimension.
        matrix: (outputs, inputs): the weights.
        added: To each output; 0 by default.

    Raises:
        UnsupportedError: If the weights are too many.
    """
    if matrix.size > MAX_WEIGHTS:
        raise UnsupportedError(f"{list(matrix.shape)} weights; allowed {MAX_WEIGHTS} altogether")
    order = (*(d for d in x.order if d != axis), axis)
    bias = np.zeros(len(matrix)) if added is None else added
    inputs = [
        call.builder.stored(x, order),
        call.builder.constant(matrix.astype(np.float32)),
        call.builder.constant(bias.astype(np.float32)),
    ]
    return call.emit("fully_connected", inputs, order, FullyConnectedAttrs(keep_dims=True))


def _is_layer(call: Call) -> bool:
    """Whether it is a layer of ours: one or two dimensions, not dilated."""
    return len(call.item(0).shape) in (3, 4) and set(call.attr_ints("dilations", ())) <= {1}


def _windows(call: Call, shape: tuple[int, ...]) -> list[tuple[int, Windows]]:
    """The windows along each dimension behind batch and channels."""
    size, rank = shape[2:], len(shape) - 2
    kernel = call.attr_ints("kernel_shape")
    stride = call.attr_ints("strides", (1,) * rank)
    dilation = call.attr_ints("dilations", (1,) * rank)
    if rank < 1 or not len(kernel) == len(stride) == len(dilation) == rank:
        raise call.damaged(f"kernel, strides or dilations are not those of {rank} dimensions")
    if min(*kernel, *stride, *dilation) < 1 or max(kernel) > _MAX_TAPS:
        raise UnsupportedError(f"windows {list(kernel)[:8]}; allowed are 1 ... {_MAX_TAPS}")
    pads = pads_of(call, size, kernel, stride, dilation)
    result: list[tuple[int, Windows]] = []
    for axis, (extent, k, s, d, (before, after)) in enumerate(
        zip(size, kernel, stride, dilation, pads, strict=True), 2
    ):
        end = extent + after
        room = before + end - ((k - 1) * d + 1)
        count = room // s + 1
        if call.attr_int("ceil_mode", 0):
            # The last window must begin before the padding behind the input.
            count = min(-(-room // s) + 1, (extent + before - 1) // s + 1)
        if room < 0 or min(before, after) < 0 or count > MAX_WEIGHTS:
            raise call.damaged(f"windows of {k} over {extent} elements, pads {before}, {after}")
        taps = np.arange(count)[:, None] * s + np.arange(k) * d - before
        found = Windows(taps, extent, end)
        if not found.is_inside.any(axis=1).all():
            raise UnsupportedError("a window that lies beside the input")
        result.append((axis, found))
    return result
