"""What each output channel of a convolution or fully connected layer needs of its input.

An output channel can do without an input channel if what that contributes to its sum is the same
number at every pixel: that number then moves into the bias. The contribution of a tap with weight
w is ``w * (x - zero_point)`` inside the input, nothing outside. So it is one number if

- w is 0, or the tap is never inside: nothing; or
- x is the constant c, and c is the zero point: nothing; or
- x is the constant c, and the tap is always inside: ``w * (c - zero_point)``.

A constant c that is not the zero point does not move into the bias from a tap that padding puts
outside for some pixels: there the sum lacks it.

An output channel that is constant needs nothing at all: a bias that lies in the interval of its
sum, without weights, gives the same constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array, Graph, Node
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.transforms.channel_ranges import ChannelRange, sum_ranges
from tinycc_ml.transforms.filters import Filters, filters_of


@dataclass(frozen=True, slots=True, eq=False)
class MixingLayer:
    """A layer whose output channels read all input channels.

    Attributes:
        node: The layer.
        varies: bool (output channels, input channels): what the input channel contributes is not
            one number, or cannot move into the bias. Constant outputs included.
        folds: int64 (output channels, input channels): the number, where it is one.
        overflows: bool (output channels,): the bias has no room for the numbers, so none moves.
        is_constant: bool (output channels,).
        sums: int64 (output channels,): the lowest sum, bias included.
    """

    node: Node
    varies: Array
    folds: Array
    overflows: Array
    is_constant: Array
    sums: Array

    @property
    def needs(self) -> Array:
        """(output channels, input channels): what an output channel needs if it stays."""
        needs: Array = self.varies & ~self.is_constant[:, np.newaxis]
        return needs


def mixing_layer(graph: Graph, node: Node, ranges: Mapping[str, ChannelRange]) -> MixingLayer:
    """Says what a conv2d, fully_connected or one-channel depthwise_conv2d needs of its input."""
    filters, quant = filters_of(graph, node), graph.types[node.inputs[0]].quant
    assert filters and quant  # checked by group_channels and by the operator's check
    x = ranges[node.inputs[0]]
    offset = x.low - quant.zero_point
    varies, folds = _contributions(filters, x.is_constant, offset)
    # Whichever of the numbers move, the bias ends between these two. Where the operator's check has
    # passed there is room: zero points and constants are int8, so that the bias stays within the
    # bounds of the layer's sums, and those fit int32.
    bias = graph.constants[node.inputs[2]].array.astype(np.int64)
    least, most = (bias + clip(folds, 0).sum(axis=1) for clip in (np.minimum, np.maximum))
    overflows = (least < INT32_MIN) | (most > INT32_MAX)
    varies |= overflows[:, np.newaxis] & (folds != 0)
    return MixingLayer(
        node,
        varies,
        folds,
        overflows,
        ranges[node.outputs[0]].is_constant,
        sum_ranges(graph, node, filters, ranges).low,
    )


def _contributions(filters: Filters, is_constant: Array, offset: Array) -> tuple[Array, Array]:
    """(output, input channels): whether a contribution varies, and what it is if it does not."""
    # (taps, input channels): whether x, or its absence, makes the tap's product vary.
    steady = is_constant & ((offset == 0) | filters.inside[:, np.newaxis])
    varying_taps = ~steady & filters.reachable[:, np.newaxis]
    varies = ((filters.weight != 0) & varying_taps).any(axis=1)
    inside = filters.inside[np.newaxis, :, np.newaxis]
    return varies, np.where(is_constant, (filters.weight * inside).sum(axis=1) * offset, 0)
