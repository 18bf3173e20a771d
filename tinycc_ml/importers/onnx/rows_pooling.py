"""Pooling that our layers have: of images, not dilated."""

from __future__ import annotations

from tinycc_ml.importers.onnx.call import Call
from tinycc_ml.importers.onnx.images import as_image, image, layer
from tinycc_ml.importers.onnx.sliding import Windows, windows
from tinycc_ml.importers.onnx.values import Item, channels_last
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs
from tinycc_ml.ops.window import Padding


def average_pool(call: Call) -> list[Item]:
    """AveragePool; padding counts only where the file says so."""
    name, at, rank = _pool(call)
    if call.attr_int("count_include_pad", 0) and not at.padding.is_empty:
        p = at.padding
        around = PadAttrs((0, p.top, p.left, 0), (0, p.bottom, p.right, 0))
        name = call.builder.emit("pad", [name], around)
        at = Windows(at.kernel, at.stride, at.dilation, Padding())
    attrs = Pool2DAttrs(at.kernel, at.stride, at.padding)
    return [as_image(call, layer(call, "average_pool2d", [name], attrs), rank)]


def max_pool(call: Call) -> list[Item]:
    """MaxPool."""
    name, at, rank = _pool(call)
    attrs = Pool2DAttrs(at.kernel, at.stride, at.padding)
    return [as_image(call, layer(call, "max_pool2d", [name], attrs), rank)]


def _pool(call: Call) -> tuple[str, Windows, int]:
    name, size = image(call)
    return name, windows(call, size, call.attr_ints("kernel_shape")), len(call.item(0).shape)


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
    result = layer(call, "max_pool2d", [name], attrs)
    return [as_image(call, result, len(call.item(0).shape))]
