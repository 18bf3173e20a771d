"""Convolution and transposed convolution."""

from __future__ import annotations

from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.images import as_image, image, layer
from tinycc_ml.importers.onnx.sliding import pads_of, windows
from tinycc_ml.importers.onnx.values import Const, Item, Value, channels_last
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.conv3d import Conv3DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.transpose_conv import TransposeConvAttrs

_MAX_WEIGHT_ELEMENTS = 1 << 26


def conv(call: Call) -> list[Item]:
    """Conv: weight OIHW in the file."""
    x, w = call.item(0), call.item(1)
    if isinstance(w, Value):
        raise UnsupportedError("weight computed at run time; allowed constants")
    if len(w.shape) != len(x.shape) or 0 in w.shape:
        raise call.damaged(f"input {list(x.shape)} with weight {list(w.shape)}")
    kernel = call.attr_ints("kernel_shape", w.shape[2:])
    if kernel != w.shape[2:]:
        raise call.damaged(f"kernel_shape {list(kernel)} with weight {list(w.shape)}")
    groups, channels, filters = call.attr_int("group", 1), x.shape[1], w.shape[0]
    if groups < 1 or channels != w.shape[1] * groups or filters % groups:
        raise call.damaged(f"{groups} groups of {channels} channels with weight {list(w.shape)}")
    if len(x.shape) == 5:
        return [_conv3d(call, x, w, groups)]
    name, size = image(call)
    at = windows(call, size, kernel)
    w = _image_weight(w)
    bias = call.builder.number(_bias_of(call, 2, filters))
    if groups == channels and groups > 1:
        weight = call.builder.stored(w, (1, 2, 3, 0))
        attrs = DepthwiseConv2DAttrs(at.stride, at.dilation, at.padding)
        result = layer(call, "depthwise_conv2d", [name, weight, bias], attrs)
    else:
        weight = call.builder.stored(_dense(w, groups), (0, 2, 3, 1))
        dense = Conv2DAttrs(at.stride, at.dilation, at.padding)
        result = layer(call, "conv2d", [name, weight, bias], dense)
    return [as_image(call, result, len(x.shape))]


def _conv3d(call: Call, x: Const | Value, w: Const, groups: int) -> Value:
    size, kernel = x.shape[2:], w.shape[2:]
    stride = call.attr_ints("strides", (1, 1, 1))
    dilation = call.attr_ints("dilations", (1, 1, 1))
    if not len(stride) == len(dilation) == 3 or min(*stride, *dilation) < 1:
        raise call.damaged(f"strides {list(stride)[:4]}, dilations {list(dilation)[:4]}")
    pads = pads_of(call, size, kernel, stride, dilation)
    before, after = zip(*pads, strict=True)
    attrs = Conv3DAttrs(_triple(stride), _triple(dilation), _triple(before), _triple(after), groups)
    order = channels_last(5)
    inputs = [
        call.builder.stored(x, order),
        call.builder.stored(w, (0, 2, 3, 4, 1)),
        call.builder.number(_bias_of(call, 2, w.shape[0])),
    ]
    return call.emit("conv3d", inputs, order, attrs)


def _triple(numbers: tuple[int, ...]) -> tuple[int, int, int]:
    depth, height, width = numbers
    return depth, height, width


def _bias_of(call: Call, position: int, channels: int) -> Const:
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
    bias = call.builder.number(_bias_of(call, 2, w.shape[1]))
    weight = call.builder.stored(_image_weight(w), (1, 2, 3, 0))
    attrs = TransposeConvAttrs((stride[0], stride[1]), (out[0], out[1]), before[0], before[1])
    result = layer(call, "transpose_conv", [name, weight, bias], attrs)
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
