"""Layers with weights as products of matrices, whatever their operator.

A convolution and a fully connected layer are one product ``rows @ weight.T``; a depthwise
convolution is one such product for each input channel. Everything that calibration does to weights
is written once, on ``groups`` of such products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.graph import Array, Node
from tinycc_ml.ops.conv2d import Conv2DAttrs, windows_of
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.transpose_conv import TransposeConvAttrs
from tinycc_ml.ops.window import Padding, sliding_windows

#: Operators with a constant weight and a bias.
WEIGHTED = frozenset({"conv2d", "depthwise_conv2d", "fully_connected", "transpose_conv"})
#: The dimension of a weight that has one index per output channel.
CHANNEL_AXIS = {"conv2d": 0, "depthwise_conv2d": 3, "fully_connected": 0, "transpose_conv": 0}


@dataclass(frozen=True, slots=True)
class LinearView:
    """A node with weights as products of matrices.

    Attributes:
        node: The node.
        weight_shape: Of its weight as the operator has it.
        input_channels: Of its input.
        output_shape: Of its output, for one sample.
    """

    node: Node
    weight_shape: tuple[int, ...]
    input_channels: int
    output_shape: tuple[int, ...]

    @property
    def groups(self) -> int:
        """Number of products."""
        return self.input_channels if self.node.op == "depthwise_conv2d" else 1

    @property
    def filters(self) -> int:
        """Number of output channels."""
        return self.weight_shape[CHANNEL_AXIS[self.node.op]]

    def matrices(self, weight: Array) -> Array:
        """The weight as (groups, filters of a group, K)."""
        if self.node.op == "depthwise_conv2d":
            taps = weight.reshape(-1, self.groups, self.filters // self.groups)
            return np.ascontiguousarray(taps.transpose(1, 2, 0))
        return weight.reshape(1, self.filters, -1)

    def weight(self, matrices: Array) -> Array:
        """The inverse of :meth:`matrices`."""
        if self.node.op == "depthwise_conv2d":
            return np.ascontiguousarray(matrices.transpose(2, 0, 1)).reshape(self.weight_shape)
        return matrices.reshape(self.weight_shape)

    def rows(self, x: Array, fill: float = 0) -> Array:
        """What the weights are multiplied with: (groups, rows, K).

        Args:
            x: A batch of inputs.
            fill: What stands for an element outside the input.
        """
        op, attrs = self.node.op, self.node.attrs
        if op == "fully_connected":
            return x.reshape(1, -1, self.weight_shape[1])
        if op == "transpose_conv":
            x, attrs = self._spread(x, cast(TransposeConvAttrs, attrs), fill)
        if op == "depthwise_conv2d":
            a = cast(DepthwiseConv2DAttrs, attrs)
            kernel = self.weight_shape[1:3]
            windows = sliding_windows(x, kernel, a.stride, a.dilation, a.padding, fill=fill)
            return windows.transpose(3, 0, 1, 2, 4, 5).reshape(
                self.groups, -1, kernel[0] * kernel[1]
            )
        weight = np.broadcast_to(np.float32(0), self.weight_shape)
        rows = windows_of(x, weight, cast(Conv2DAttrs, attrs), cast(int, fill))
        if op == "transpose_conv":
            height, width = self.weight_shape[1:3]
            flipped = rows.reshape(-1, height, width, self.input_channels)[:, ::-1, ::-1]
            rows = flipped
        return rows.reshape(1, -1, int(np.prod(self.weight_shape[1:])))

    def _spread(self, x: Array, a: TransposeConvAttrs, fill: float) -> tuple[Array, Conv2DAttrs]:
        """The input with zeros between its pixels, and the convolution that reads it."""
        n, height, width, channels = x.shape
        kernel = self.weight_shape[1:3]
        size = (height - 1) * a.stride[0] + 1, (width - 1) * a.stride[1] + 1
        spread = np.full((n, *size, channels), fill, x.dtype)
        spread[:, :: a.stride[0], :: a.stride[1]] = x
        before = kernel[0] - 1 - a.top, kernel[1] - 1 - a.left
        after = [a.size[i] + kernel[i] - 1 - before[i] - size[i] for i in range(2)]
        # A negative number cuts: outputs that are not wanted.
        for axis in range(2):
            low, high = max(0, -before[axis]), size[axis] + min(0, after[axis])
            spread = spread.take(range(low, high), axis=1 + axis)
        pad = Padding(max(0, before[0]), max(0, after[0]), max(0, before[1]), max(0, after[1]))
        return spread, Conv2DAttrs(padding=pad)

    def outputs(self, products: Array) -> Array:
        """Products (groups, rows, filters of a group) as the operator's output, of a batch."""
        channels_last = products.transpose(1, 0, 2).reshape(products.shape[1], -1)
        return channels_last.reshape(-1, *self.output_shape[1:])

    def channels(self, matrices: Array) -> Array:
        """(groups, filters of a group) as (filters,)."""
        return matrices.reshape(-1)


def multiply(rows: Array, matrices: Array) -> Array:
    """The products of all groups: (groups, rows, filters of a group)."""
    result: Array = rows @ matrices.transpose(0, 2, 1)
    return result
