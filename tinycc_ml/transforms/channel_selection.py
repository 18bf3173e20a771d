"""Chooses the channels that stay.

The smallest choice follows from what must stay, by implication only: channels of pinned groups
stay; if an output channel of a mixing layer stays, so do the input channels it needs. Such a
system has one least solution, and adding what is implied until nothing more is reaches it; no
order of removals could reach a smaller one. Intervals need not be computed again: a removed
channel contributed one number to each sum, which is in the bias from then on, so that every
channel that stays has the same sums, and the same interval, as before.

Then each group gets channels back until their count suits kernels. What it gets back are channels
that need nothing that is gone, as far as there are some: constant ones, first of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array, Graph
from tinycc_ml.transforms.channel_groups import ChannelGroups, group_channels
from tinycc_ml.transforms.channel_ranges import ChannelRange, channel_ranges
from tinycc_ml.transforms.mixing_layer import MixingLayer, mixing_layer


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """A mixing layer between two groups.

    Attributes:
        layer: The layer.
        source: The group of its input.
        target: The group of its output.
        needs: bool (channels of target, channels of source).
    """

    layer: MixingLayer
    source: int
    target: int
    needs: Array


@dataclass(frozen=True, slots=True, eq=False)
class ChannelSelection:
    """What stays, and everything that this follows from.

    Attributes:
        kept: bool (channels,) for each value that has a group.
        ranges: The intervals of the values.
        groups: Which values' channels are tied.
        demands: What mixing layers need, in the graph's order.
        fillers: Per group, bool (channels,): those that stay for the sake of their number.
    """

    kept: Mapping[str, Array]
    ranges: Mapping[str, ChannelRange]
    groups: ChannelGroups
    demands: tuple[Demand, ...]
    fillers: Mapping[int, Array]

    @property
    def is_everything(self) -> bool:
        """Whether no channel goes."""
        return all(kept.all() for kept in self.kept.values())


def select_channels(graph: Graph, keep_multiple: int) -> ChannelSelection:
    """The channels to keep.

    Args:
        graph: A quantized graph whose nodes have passed their operators' checks.
        keep_multiple: Of what each group keeps a multiple (or everything).
    """
    ranges, groups = channel_ranges(graph), group_channels(graph)
    demands = tuple(_demand(groups, mixing_layer(graph, node, ranges)) for node in groups.mixing)
    kept = {group: np.full(n, group in groups.pinned) for group, n in groups.channels.items()}
    _propagate(demands, kept)
    fillers = _round_up(demands, kept, keep_multiple)
    values = {
        name: np.tile(kept[place.group], place.copies) for name, place in groups.places.items()
    }
    return ChannelSelection(values, ranges, groups, demands, fillers)


def _demand(groups: ChannelGroups, layer: MixingLayer) -> Demand:
    source = groups.places[layer.node.inputs[0]]
    target = groups.places[layer.node.outputs[0]]
    by_copy = layer.needs.reshape(len(layer.needs), source.copies, -1)
    needs: Array = np.logical_or.reduce(by_copy, axis=1)
    return Demand(layer, source.group, target.group, needs)


def _propagate(demands: Sequence[Demand], kept: dict[int, Array]) -> None:
    """Adds what is implied; where values are read again later, one turn is not enough."""
    changed = True
    while changed:
        changed = False
        for demand in reversed(demands):
            new = demand.needs[kept[demand.target]].any(axis=0) & ~kept[demand.source]
            kept[demand.source] |= new
            changed |= bool(new.any())


def _round_up(demands: Sequence[Demand], kept: dict[int, Array], multiple: int) -> dict[int, Array]:
    """Adds channels until each group has a suitable number, at least one."""
    fillers = {group: np.zeros_like(channels) for group, channels in kept.items()}
    changed = True
    while changed:
        changed = False
        for group in sorted(kept, reverse=True):
            have = int(kept[group].sum())
            want = min(-(-max(have, 1) // multiple) * multiple, len(kept[group]))
            if want > have:
                chosen = _cheapest(demands, kept, group)[: want - have]
                kept[group][chosen] = fillers[group][chosen] = True
                _propagate(demands, kept)
                changed = True
    return fillers


def _cheapest(demands: Sequence[Demand], kept: Mapping[int, Array], group: int) -> Array:
    """The channels of a group that are gone, those first whose return brings back fewest others."""
    missing = np.zeros(len(kept[group]), np.int64)
    for demand in demands:
        if demand.target == group:
            missing += (demand.needs & ~kept[demand.source]).sum(axis=1)
    gone: Array = np.flatnonzero(~kept[group])
    return gone[np.argsort(missing[gone], kind="stable")]
