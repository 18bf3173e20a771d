"""The float graph as the quantizer wants it."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from tinycc_ml.graph import Graph, Node
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pooling import Pool2DAttrs


def prepare(graph: Graph) -> Graph:
    """Makes pooling over the whole image a mean, whose output may have a scale of its own.

    A mean is much smaller than the largest element; with the input's scale, as pooling has it,
    few of the integers would be used.

    Given: a simplified float graph: biases and activations are in the layers that they follow.
    Result: the same numbers.
    """
    return graph.with_nodes(tuple(_mean(graph, node) or node for node in graph.nodes))


def _mean(graph: Graph, node: Node) -> Node | None:
    if node.op != "average_pool2d":
        return None
    attrs = cast(Pool2DAttrs, node.attrs)
    covers = attrs.kernel == graph.types[node.inputs[0]].shape[1:3] and attrs.padding.is_empty
    if not covers or attrs.activation is not Activation.NONE:
        return None
    return replace(node, op="mean", attrs=MeanAttrs((1, 2), keep_dims=True))
