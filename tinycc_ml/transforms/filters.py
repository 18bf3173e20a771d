"""One view of all layers with weights: filters as (output channel, tap, input channel).

A tap that lies outside the input contributes nothing, so what padding does to a layer is told by
two facts about each tap: whether it ever lies inside, and whether it always does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array, Graph, Node
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs


@dataclass(frozen=True, slots=True, eq=False)
class Filters:
    """The weights of a layer and where its taps lie.

    Attributes:
        weight: int64, (output channels, taps, input channels). A depthwise layer has one input
            channel per filter, and so 1 as its last extent.
        reachable: (taps,): the tap lies inside the input for some output pixel.
        inside: (taps,): it does for every output pixel.
    """

    weight: Array
    reachable: Array
    inside: Array


def filters_of(graph: Graph, node: Node) -> Filters | None:
    """The filters of a node; ``None`` where it has none, or where they are not understood.

    A fully connected layer whose rows hold several pixels of its input has a tap for each.
    """
    if len(node.inputs) < 2 or node.inputs[1] not in graph.constants:
        return None
    weight = graph.constants[node.inputs[1]].array.astype(np.int64)
    match node.attrs:
        case Conv2DAttrs():
            flat = weight.reshape(len(weight), -1, weight.shape[3])
            return Filters(flat, *_taps(graph, node, node.attrs, weight.shape[1:3]))
        case DepthwiseConv2DAttrs():
            flat = weight.reshape(-1, weight.shape[3]).T[:, :, np.newaxis]
            return Filters(flat, *_taps(graph, node, node.attrs, weight.shape[1:3]))
    channels = graph.types[node.inputs[0]].shape[-1:]
    if node.op != "fully_connected" or not channels or weight.shape[1] % channels[0]:
        return None
    flat = weight.reshape(len(weight), -1, channels[0])
    everywhere = np.ones(flat.shape[1], bool)
    return Filters(flat, everywhere, everywhere)


def _taps(
    graph: Graph,
    node: Node,
    attrs: Conv2DAttrs | DepthwiseConv2DAttrs,
    kernel: tuple[int, ...],
) -> tuple[Array, Array]:
    """(reachable, inside) of each tap, rows first."""
    in_size, out_size = (graph.types[n].shape[1:3] for n in (node.inputs[0], node.outputs[0]))
    before = (attrs.padding.top, attrs.padding.left)
    lies_inside: list[Array] = []
    for axis in range(2):
        taps = np.arange(kernel[axis])[:, np.newaxis] * attrs.dilation[axis] - before[axis]
        index = taps + np.arange(out_size[axis]) * attrs.stride[axis]
        lies_inside.append((index >= 0) & (index < in_size[axis]))
    rows, columns = lies_inside
    return (
        np.logical_and.outer(rows.any(axis=1), columns.any(axis=1)).ravel(),
        np.logical_and.outer(rows.all(axis=1), columns.all(axis=1)).ravel(),
    )
