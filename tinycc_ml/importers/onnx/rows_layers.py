"""Layers with weights and windows: convolution, Gemm, MatMul, pooling, normalization.

Values are stored channels last here. One-dimensional layers are images of one row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import OpAttrs
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.values import Const, Item, Scaling, Value, channels_last
from tinycc_ml.ops.add import AddAttrs
from tinycc_ml.ops.batch_matmul import BatchMatMulAttrs
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.fully_connected import FullyConnectedAttrs
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.slice import SliceAttrs
from tinycc_ml.ops.transpose_conv import TransposeConvAttrs
from tinycc_ml.ops.window import Padding

_MAX_WEIGHT_ELEMENTS = 1 << 26
_MAX_BATCH = 64


@dataclass(frozen=True, slots=True)
class Windows:
    """How windows lie on an image: (vertical, horizontal)."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Padding


def windows(call: Call, size: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """Reads strides, dilations and padding of a sliding window.

    Args:
        call: The node.
        size: The image without batch and channels: one or two dimensions.
        kernel: Of as many dimensions.

    Raises:
        ModelFileError: If attributes do not fit the image.
    """
    rank = len(size)
    stride = call.attr_ints("strides", (1,) * rank)
    dilation = call.attr_ints("dilations", (1,) * rank)
    if len(kernel) != rank or len(stride) != rank or len(dilation) != rank:
        raise call.damaged(f"kernel, strides or dilations are not those of {rank} dimensions")
    if min(*kernel, *stride, *dilation) < 1:
        raise call.damaged("kernel, strides and dilations must be positive")
    pads = pads_of(call, size, kernel, stride, dilation)
    if call.attr_int("ceil_mode", 0):
        pads = _ceil(size, kernel, stride, dilation, pads)
    if rank == 1:
        kernel, stride, dilation, pads = (1, *kernel), (1, *stride), (1, *dilation), ((0, 0), *pads)
    (top, bottom), (left, right) = pads
    if min(top, bottom, left, right) < 0:
        raise UnsupportedError(f"pads {list(call.attr_ints('pads', ()))}: allowed from 0")
    return Windows(
        (kernel[0], kernel[1]),
        (stride[0], stride[1]),
        (dilation[0], dilation[1]),
        Padding(top, bottom, left, right),
    )


def pads_of(
    call: Call,
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, int], ...]:
    """The padding before and after each dimension of windows.

    Raises:
        ModelFileError: If the attributes do not fit the dimensions.
    """
    mode, rank = call.attr_text("auto_pad", "NOTSET"), len(size)
    if mode == "NOTSET":
        pads = call.attr_ints("pads", (0,) * (2 * rank))
        if len(pads) != 2 * rank:
            raise call.damaged(f"{len(pads)} pads for {rank} dimensions")
        return tuple(zip(pads[:rank], pads[rank:], strict=True))
    if mode == "VALID":
        return ((0, 0),) * rank
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise call.damaged(f"auto_pad {mode}")
    result: list[tuple[int, int]] = []
    for extent, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max(0, (-(-extent // s) - 1) * s + (k - 1) * d + 1 - extent)
        small, large = total // 2, total - total // 2
        result.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return tuple(result)


def _ceil(
    size: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
) -> tuple[tuple[int, int], ...]:
    """Padding that makes the last, incomplete window a complete one, if it starts on the image."""
    result: list[tuple[int, int]] = []
    for extent, k, s, d, (before, after) in zip(size, kernel, stride, dilation, pads, strict=True):
        room = extent + before + after - ((k - 1) * d + 1)
        out = -(-room // s) + 1
        if (out - 1) * s >= extent + before:
            out -= 1
        result.append((before, after + (out - 1) * s - room if room % s else after))
    return tuple((before, max(0, after)) for before, after in result)


def image(call: Call, position: int = 0) -> tuple[str, tuple[int, ...]]:
    """An input as an NHWC image, and its size without batch and channels as the file has it.

    Raises:
        UnsupportedError: If it has not one or two such dimensions.
    """
    x = call.item(position)
    if len(x.shape) not in (3, 4):
        raise UnsupportedError(f"input of shape {list(x.shape)}; allowed are images (NCHW, NCL)")
    name = call.builder.stored(x, channels_last(len(x.shape)))
    if len(x.shape) == 3:
        n, c, length = x.shape
        name = call.builder.view(name, (n, 1, length, c))
    return name, x.shape[2:]


def each_image(call: Call, name: str, emit: Callable[[str], str]) -> str:
    """A layer applied to each image of a batch: our layers take one at a time.

    Raises:
        UnsupportedError: If the batch is so large that it must be a mistake.
    """
    n, *size = call.builder.types[name].shape
    if n == 1:
        return emit(name)
    if n > _MAX_BATCH:
        raise UnsupportedError(f"batch {n}; allowed up to {_MAX_BATCH}")
    results: list[str] = []
    for i in range(n):
        attrs = SliceAttrs((i, 0, 0, 0), (1, *size), (1, 1, 1, 1))
        results.append(emit(call.builder.emit("slice", [name], attrs)))
    return call.builder.emit("concatenation", results, ConcatenationAttrs(0))


def as_image(call: Call, name: str, rank: int) -> Value:
    """An NHWC result as the file sees it."""
    if rank == 3:
        n, _, width, c = call.builder.types[name].shape
        name = call.builder.view(name, (n, width, c))
    return call.builder.wrap(name, channels_last(rank))


def bias_of(call: Call, position: int, channels: int) -> Const:
    """The bias, zeros where it is absent.

    Raises:
        UnsupportedError: If it is computed at run time.
        ModelFileError: If it has not one element per channel.
    """
    item = call.optional(position)
    if item is None:
        return Const(np.zeros(channels, np.float32))
    if isinstance(item, Value):
        raise UnsupportedError("bias computed at run time; allowed constants")
    if item.shape != (channels,):
        raise call.damaged(f"bias of shape {list(item.shape)} for {channels} channels")
    return item


def conv(call: Call) -> list[Item]:
    """Conv: weight OIHW in the file."""
    x, w = call.item(0), call.item(1)
    if isinstance(w, Value):
        raise UnsupportedError("weight computed at run time; allowed constants")
    if len(w.shape) != len(x.shape) or 0 in w.shape:
        raise call.damaged(f"input {list(x.shape)} with weight {list(w.shape)}")
    name, size = image(call)
    kernel = call.attr_ints("kernel_shape", w.shape[2:])
    if kernel != w.shape[2:]:
        raise call.damaged(f"kernel_shape {list(kernel)} with weight {list(w.shape)}")
    at = windows(call, size, kernel)
    groups, channels, filters = call.attr_int("group", 1), x.shape[1], w.shape[0]
    if groups < 1 or channels != w.shape[1] * groups or filters % groups:
        raise call.damaged(f"{groups} groups of {channels} channels with weight {list(w.shape)}")
    w = _image_weight(w)
    bias = call.builder.number(bias_of(call, 2, filters))
    if groups == channels and groups > 1:
        weight = call.builder.stored(w, (1, 2, 3, 0))
        attrs = DepthwiseConv2DAttrs(at.stride, at.dilation, at.padding)
        result = _layer(call, "depthwise_conv2d", [name, weight, bias], attrs)
    else:
        weight = call.builder.stored(_dense(w, groups), (0, 2, 3, 1))
        dense = Conv2DAttrs(at.stride, at.dilation, at.padding)
        result = _layer(call, "conv2d", [name, weight, bias], dense)
    return [as_image(call, result, len(x.shape))]


def _layer(call: Call, operator: str, inputs: list[str], attrs: OpAttrs) -> str:
    """A layer over NHWC images."""
    name, *rest = inputs
    return each_image(call, name, lambda x: call.builder.emit(operator, [x, *rest], attrs))


def _image_weight(w: Const) -> Const:
    if w.array.ndim == 4:
        return w
    o, i, k = w.array.shape
    return Const(w.array.reshape(o, i, 1, k), w.scaling)


def _dense(w: Const, groups: int) -> Const:
    """The weight of a grouped convolution as that of one group: zeros between the groups."""
    if groups == 1:
        return w
    filters, inputs, kh, kw = w.array.shape
    if filters * inputs * groups * kh * kw > _MAX_WEIGHT_ELEMENTS:
        raise UnsupportedError(f"a weight of {list(w.shape)} in {groups} groups is too large")
    fill = w.scaling.zero_points if w.scaling else np.zeros((), w.array.dtype)
    dense = np.empty((filters, inputs * groups, kh, kw), w.array.dtype)
    dense[...] = fill.astype(w.array.dtype).reshape(-1, 1, 1, 1)
    per_group = filters // groups
    for g in range(groups):
        rows = slice(g * per_group, (g + 1) * per_group)
        dense[rows, g * inputs : (g + 1) * inputs] = w.array[rows]
    return Const(dense, w.scaling)


def gemm(call: Call) -> list[Item]:
    """Gemm with a constant matrix: ``alpha * A' * B' + beta * C``."""
    a, b = call.item(0), call.item(1)
    if len(a.shape) != 2 or len(b.shape) != 2:
        raise call.damaged(f"matrices of shapes {list(a.shape)} and {list(b.shape)}")
    if isinstance(b, Value):
        return _general_gemm(call, a, b)
    order = (1, 0) if call.attr_int("transA", 0) else (0, 1)
    x = call.builder.stored(a, order)
    weight = _times(
        b if call.attr_int("transB", 0) else b.transposed((1, 0)), call.attr_float("alpha", 1.0)
    )
    columns = weight.shape[0]
    addend, beta = call.optional(2), call.attr_float("beta", 1.0)
    bias, rest = _gemm_bias(addend, beta, columns)
    inputs = [x, call.builder.number(weight), call.builder.number(bias)]
    result = call.emit("fully_connected", inputs, attrs=FullyConnectedAttrs())
    if rest is None:
        return [result]
    if beta != 1.0:
        raise UnsupportedError(f"beta {beta:g} with a matrix C; allowed 1")
    return [call.emit("add", [result.name, call.builder.plain(rest)], attrs=AddAttrs())]


def _general_gemm(call: Call, a: Const | Value, b: Value) -> list[Item]:
    """Gemm whose second matrix is computed at run time."""
    attrs = BatchMatMulAttrs(bool(call.attr_int("transA", 0)), bool(call.attr_int("transB", 0)))
    left, right = call.builder.plain(a), call.builder.plain(b)
    addend, beta = call.optional(2), call.attr_float("beta", 1.0)
    if call.attr_float("alpha", 1.0) != 1.0 or (addend is not None and beta != 1.0):
        raise UnsupportedError("alpha or beta with matrices computed at run time; allowed 1")
    product = call.emit("batch_matmul", [left, right], attrs=attrs)
    if addend is None:
        return [product]
    return [call.emit("add", [product.name, call.builder.plain(addend)], attrs=AddAttrs())]


def _gemm_bias(
    addend: Const | Value | None, beta: float, columns: int
) -> tuple[Const, Const | Value | None]:
    """What of C is a bias, and what has to be added."""
    zeros = Const(np.zeros(columns, np.float32))
    if addend is None or beta == 0:
        return zeros, None
    is_bias = isinstance(addend, Const) and prod(addend.shape[:-1]) == 1
    if not is_bias or not isinstance(addend, Const):
        return zeros, addend
    if addend.shape == (columns,):
        return _times(addend, beta), None
    row = addend.numbers.reshape(-1)
    if row.size not in (1, columns):
        return zeros, addend
    return Const(np.float32(beta) * np.broadcast_to(row, (columns,)).astype(np.float32)), None


def _times(c: Const, factor: float) -> Const:
    if factor == 1.0:
        return c
    if c.scaling is None:
        return Const((c.array * np.float32(factor)).astype(c.array.dtype))
    if factor <= 0:
        return Const(c.numbers * np.float32(factor))
    s = c.scaling
    return Const(c.array, Scaling(s.scales * np.float32(factor), s.zero_points, s.axis))


def matmul(call: Call) -> list[Item]:
    """MatMul; a constant matrix on the right is a weight."""
    a, b = call.item(0), call.item(1)
    if min(len(a.shape), len(b.shape)) < 1:
        raise call.damaged("an operand is a scalar")
    if isinstance(b, Value) or len(b.shape) != 2 or isinstance(a, Const):
        return [_product(call, a, b)]
    if a.shape[-1] != b.shape[0]:
        raise call.damaged(f"operands of shapes {list(a.shape)} and {list(b.shape)}")
    weight = b.transposed((1, 0))
    bias = call.builder.constant(np.zeros(weight.shape[0], np.float32))
    inputs = [call.builder.plain(a), call.builder.number(weight), bias]
    return [call.emit("fully_connected", inputs, attrs=FullyConnectedAttrs(keep_dims=True))]


def _product(call: Call, a: Const | Value, b: Const | Value) -> Value:
    """A product of matrices of which none is a weight; vectors are rows and columns."""
    left, right = call.builder.plain(a), call.builder.plain(b)
    if len(a.shape) == 1:
        left = call.builder.view(left, (1, *a.shape))
    if len(b.shape) == 1:
        right = call.builder.view(right, (*b.shape, 1))
    result = call.emit("batch_matmul", [left, right], attrs=BatchMatMulAttrs())
    shape = list(result.shape)
    if len(b.shape) == 1:
        del shape[-1]
    if len(a.shape) == 1:
        del shape[-1 if len(b.shape) == 1 else -2]
    return call.builder.reshaped(result, tuple(shape))


def average_pool(call: Call) -> list[Item]:
    """AveragePool; padding counts only where the file says so."""
    name, at, rank = _pool(call)
    if call.attr_int("count_include_pad", 0) and not at.padding.is_empty:
        if call.attr_int("ceil_mode", 0):
            raise UnsupportedError("count_include_pad with ceil_mode")
        p = at.padding
        around = PadAttrs((0, p.top, p.left, 0), (0, p.bottom, p.right, 0))
        name = call.builder.emit("pad", [name], around)
        at = Windows(at.kernel, at.stride, at.dilation, Padding())
    attrs = Pool2DAttrs(at.kernel, at.stride, at.padding)
    return [as_image(call, _layer(call, "average_pool2d", [name], attrs), rank)]


def max_pool(call: Call) -> list[Item]:
    """MaxPool without indices."""
    if len([name for name in call.node.output if name]) > 1:
        raise UnsupportedError("the output Indices; allowed is the first output only")
    name, at, rank = _pool(call)
    attrs = Pool2DAttrs(at.kernel, at.stride, at.padding)
    return [as_image(call, _layer(call, "max_pool2d", [name], attrs), rank)]


def _pool(call: Call) -> tuple[str, Windows, int]:
    name, size = image(call)
    at = windows(call, size, call.attr_ints("kernel_shape"))
    if at.dilation != (1, 1):
        raise UnsupportedError(f"dilation {at.dilation[0]}x{at.dilation[1]}; allowed 1x1")
    return name, at, len(call.item(0).shape)


def global_average_pool(call: Call) -> list[Item]:
    """GlobalAveragePool: the mean of each channel."""
    x = call.item(0)
    if len(x.shape) < 3:
        raise call.damaged(f"input of shape {list(x.shape)}")
    order = channels_last(len(x.shape))
    attrs = MeanAttrs(tuple(range(1, len(order) - 1)), keep_dims=True)
    return [call.emit("mean", [call.builder.stored(x, order)], order, attrs)]


def global_max_pool(call: Call) -> list[Item]:
    """GlobalMaxPool: one window over the whole image."""
    name, size = image(call)
    height, width = (1, *size)[-2:]
    attrs = Pool2DAttrs((height, width), (height, width))
    result = _layer(call, "max_pool2d", [name], attrs)
    return [as_image(call, result, len(call.item(0).shape))]


def conv_transpose(call: Call) -> list[Item]:
    """ConvTranspose: weight IOHW in the file."""
    x, w = call.item(0), call.item(1)
    if isinstance(w, Value):
        raise UnsupportedError("weight computed at run time; allowed constants")
    is_fit = len(w.shape) == len(x.shape) > 2 and 0 not in w.shape and x.shape[1] == w.shape[0]
    if not is_fit:
        raise call.damaged(f"input {list(x.shape)} with weight {list(w.shape)}")
    name, size = image(call)
    rank = len(size)
    w = _transposed_weight(call, w)
    stride = call.attr_ints("strides", (1,) * rank)
    if len(stride) != rank or min(stride) < 1:
        raise call.damaged(f"strides {list(stride)[:4]} of {rank} dimensions")
    before, out = _transposed_size(call, size, w.shape[2:], stride)
    if rank == 1:
        stride, before, out = (1, *stride), (0, *before), (1, *out)
    bias = call.builder.number(bias_of(call, 2, w.shape[1]))
    weight = call.builder.stored(_image_weight(w), (1, 2, 3, 0))
    attrs = TransposeConvAttrs((stride[0], stride[1]), (out[0], out[1]), before[0], before[1])
    result = _layer(call, "transpose_conv", [name, weight, bias], attrs)
    return [as_image(call, result, len(x.shape))]


def _transposed_weight(call: Call, w: Const) -> Const:
    """The weight as that of one group without dilation: zeros between groups and elements."""
    inputs, per_group, *kernel = w.array.shape
    groups, dilation = call.attr_int("group", 1), call.attr_ints("dilations", (1,) * len(kernel))
    if groups < 1 or inputs % groups or len(dilation) != len(kernel) or min(dilation) < 1:
        raise call.damaged(f"{groups} groups, dilations {list(dilation)[:8]}, weight {w.shape}")
    if groups == 1 and max(dilation) == 1:
        return w
    spread = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if inputs * per_group * groups * prod(spread) > _MAX_WEIGHT_ELEMENTS:
        raise UnsupportedError(f"a weight of {list(w.shape)} in {groups} groups is too large")
    dense = np.zeros((inputs, per_group * groups, *spread), np.float32)
    places = tuple(slice(None, None, d) for d in dilation)
    each = inputs // groups
    for g in range(groups):
        rows, columns = (slice(g * n, (g + 1) * n) for n in (each, per_group))
        dense[(rows, columns, *places)] = w.numbers[rows]
    return Const(dense)


def _transposed_size(
    call: Call, size: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What is cut off before the first element of each dimension, and the output's extents."""
    rank = len(size)
    more = call.attr_ints("output_padding", (0,) * rank)
    pads = call.attr_ints("pads", (0,) * (2 * rank))
    mode = call.attr_text("auto_pad", "NOTSET")
    if len(more) != rank or len(pads) != 2 * rank:
        raise call.damaged("output_padding or pads of another number of dimensions")
    full = [(e - 1) * s + k + m for e, s, k, m in zip(size, stride, kernel, more, strict=True)]
    if call.has_attr("output_shape"):
        wanted = call.attr_ints("output_shape")[-rank:]
    elif mode in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(e * s for e, s in zip(size, stride, strict=True))
    else:
        out = tuple(f - b - a for f, b, a in zip(full, pads[:rank], pads[rank:], strict=True))
        return pads[:rank], out
    if len(wanted) != rank:
        raise call.damaged(f"output_shape of {len(wanted)} dimensions")
    cut = [f - w for f, w in zip(full, wanted, strict=True)]
    before = tuple(c // 2 if mode == "SAME_UPPER" else c - c // 2 for c in cut)
    return before, wanted
