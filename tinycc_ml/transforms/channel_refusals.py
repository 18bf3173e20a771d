"""Says why constant channels stay."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinycc_ml.graph import Array, Graph, Node, Refusal
from tinycc_ml.transforms.channel_selection import ChannelSelection

_WEIGHTED = frozenset(("conv2d", "depthwise_conv2d", "fully_connected"))


def refusals(graph: Graph, selection: ChannelSelection, rule: str) -> Iterator[Refusal]:
    """One for each layer with weights that still computes constants, in the graph's order.

    Channels that stay only for the sake of their number are no refusals.
    """
    for node in graph.nodes:
        place = selection.groups.places.get(node.outputs[0])
        # Groups are copied by reshapes only, which have no weights.
        if node.op in _WEIGHTED and place is not None:
            constant = selection.ranges[node.outputs[0]].is_constant
            stays = selection.kept[node.outputs[0]] & ~selection.fillers[place.group]
            if (constant & stays).any():
                reason = _reason(selection, node, place.group, constant & stays)
                count = int((constant & stays).sum())
                text = f"{count} of {len(constant)} channels are constant but stay: {reason}"
                yield Refusal(rule, node.name, text)


def _reason(selection: ChannelSelection, node: Node, group: int, channels: Array) -> str:
    """The first one that is found, where several channels stay for several reasons."""
    if group in selection.groups.pinned:
        return selection.groups.pinned[group]
    for demand in selection.demands:
        layer, value = demand.layer, demand.layer.node.inputs[0]
        target = selection.kept[layer.node.outputs[0]]
        if demand.source != group or not (demand.needs[target][:, channels]).any():
            continue
        copies = selection.groups.places[value].copies
        needed = layer.needs[target] & np.tile(channels, copies)
        if not (needed & selection.ranges[value].is_constant).any():
            return f"{layer.node.name} reads them as %{value}, where they are not constant"
        if needed[layer.overflows[target]].any():
            return f"they do not fit into the int32 bias of {layer.node.name}"
        return f"{layer.node.name} pads with a zero point that they differ from"
    return f"%{node.outputs[0]} is tied to values of which they are needed"
