"""Constant and dead channel elimination: work that need not be done."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.graph import Array, Constant, Graph, Node, QuantParams, RefusalLog, TensorType
from tinycc_ml.ops.reshape import ReshapeAttrs
from tinycc_ml.transforms.channel_refusals import refusals
from tinycc_ml.transforms.channel_selection import ChannelSelection, select_channels
from tinycc_ml.transforms.mixing_layer import MixingLayer


@dataclass(frozen=True, slots=True)
class RemoveConstantChannels:
    """Removes channels that hold one number whatever the input is, or that nothing depends on.

    Given: a quantized graph whose nodes have passed their operators' checks.
    Result: the same outputs, bit by bit, for every input. Values may have fewer channels (their
        last dimension); channels that stay hold what they held. What a removed channel
        contributed to the sums of the next layer is in that layer's bias. Constant channels
        remain where they are refused, and as many as it takes to a multiple of `keep_multiple`.

    Attributes:
        keep_multiple: The number of channels kept is a multiple of this, or all there are: kernels
            compute several channels at a time. 1 keeps as few as possible.
    """

    keep_multiple: int = 4

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "remove_constant_channels"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        selection = select_channels(graph, self.keep_multiple)
        for refusal in refusals(graph, selection, self.name):
            refuse(refusal)
        return graph if selection.is_everything else _Rewrite(graph, selection).result()


class _Rewrite:
    """The graph without the channels that are not selected."""

    def __init__(self, graph: Graph, selection: ChannelSelection) -> None:
        self.graph = graph
        self.kept = selection.kept
        self.layers = {d.layer.node.name: d.layer for d in selection.demands}
        self.types = dict(graph.types)
        self.constants = dict(graph.constants)

    def result(self) -> Graph:
        for name, kept in self.kept.items():
            self.types[name] = _cut_type(self.types[name], kept, -1)
        nodes = tuple(self._node(node) for node in self.graph.nodes)
        return replace(self.graph, nodes=nodes, types=self.types, constants=self.constants)

    def _node(self, node: Node) -> Node:
        kept = self.kept.get(node.outputs[0])
        if kept is None:
            return node
        if node.name in self.layers:
            self._mixing(self.layers[node.name], kept)
        elif not kept.all():
            return self._tied(node, kept)
        return node

    def _mixing(self, layer: MixingLayer, kept: Array) -> None:
        _, weight, bias = layer.node.inputs
        sources = self.kept[layer.node.inputs[0]]
        if sources.all() and kept.all():
            return
        # Only constant outputs lose an input that does not fold: they get by without weights.
        emptied = layer.varies[:, ~sources].any(axis=1)
        folded = self.constants[bias].array + layer.folds[:, ~sources].sum(axis=1)
        folded = np.where(emptied, layer.sums, folded).astype(np.int32)
        axis = 3 if layer.node.op == "depthwise_conv2d" else 0
        weights = self.constants[weight].array.copy()
        np.moveaxis(weights, axis, 0)[emptied] = 0
        self._set(weight, weights)
        self._set(bias, folded)
        self._cut(weight, kept, axis)
        self._cut(bias, kept, 0)
        if axis == 0:
            pixels = weights.shape[-1] // len(sources)
            self._cut(weight, np.tile(sources, pixels), -1)

    def _tied(self, node: Node, kept: Array) -> Node:
        # A table has an element for each number, not for each channel.
        for name in () if node.op == "table" else node.inputs:
            if name in self.constants and self.types[name].shape[-1:] == (len(kept),):
                self._cut(name, kept, -1)
        if isinstance(node.attrs, ReshapeAttrs):
            shape = (*node.attrs.shape[:-1], int(kept.sum()))
            return replace(node, attrs=ReshapeAttrs(shape))
        return node

    def _set(self, name: str, array: Array) -> None:
        self.constants[name] = Constant(array)

    def _cut(self, name: str, kept: Array, axis: int) -> None:
        self._set(name, np.compress(kept, self.constants[name].array, axis=axis))
        self.types[name] = _cut_type(self.types[name], kept, axis)


def _cut_type(type_: TensorType, kept: Array, axis: int) -> TensorType:
    if kept.all():
        return type_
    axis %= len(type_.shape)
    shape = (*type_.shape[:axis], int(kept.sum()), *type_.shape[axis + 1 :])
    return replace(type_, shape=shape, quant=_cut_quant(type_.quant, kept, axis))


def _cut_quant(quant: QuantParams | None, kept: Array, axis: int) -> QuantParams | None:
    if quant is None or quant.axis != axis:
        return quant
    channels = [int(channel) for channel in np.flatnonzero(kept)]
    return QuantParams(
        tuple(quant.scales[channel] for channel in channels),
        tuple(quant.zero_points[channel] for channel in channels),
        axis,
    )
