"""Which channels stay or go together.

A rectifier returns a channel for each that it reads; so do pooling, sums, depthwise filters: there
a channel can go only from all operands at once. Values tied like that form a group, and which
channels stay is one choice per group. A layer that mixes channels (convolution, fully connected)
ends a group and starts another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tinycc_ml.graph import Graph, Node
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.ops.pad import PadAttrs
from tinycc_ml.transforms.channel_ranges import has_channels
from tinycc_ml.transforms.filters import filters_of

_ELEMENTWISE = frozenset(("add", "mul", "logistic", "quantize", "relu", "relu6", "table"))
_POOLING = frozenset(("average_pool2d", "max_pool2d"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value's channels are: channel ``j`` is channel ``j % channels`` of its group.

    A reshape that flattens pixels makes copies: as many as pixels.
    """

    group: int
    copies: int


@dataclass(frozen=True, slots=True)
class ChannelGroups:
    """The groups of a graph.

    Attributes:
        channels: How many channels each group has.
        places: The group of each value that has one.
        pinned: Groups that must stay whole, and why.
        mixing: The nodes whose output channels each depend on all input channels.
    """

    channels: Mapping[int, int]
    places: Mapping[str, Place]
    pinned: Mapping[int, str]
    mixing: tuple[Node, ...]


def group_channels(graph: Graph) -> ChannelGroups:
    """Groups the values of a quantized graph whose nodes have passed their operators' checks."""
    builder = _Builder(graph)
    reads = Counter(name for node in graph.nodes for name in node.inputs)
    reads.update(graph.results)
    for name in graph.inputs:
        builder.start_group(name, f"%{name} is an input of the model")
    for state in graph.states:
        builder.start_group(state.value, f"%{state.value} is a state of the model")
    for node in graph.nodes:
        reason = _shared_constant(graph, node, reads) or _barrier(graph, node)
        if reason is not None:
            builder.add_barrier(node, reason)
        elif _mixes(graph, node):
            builder.mixing.append(node)
            builder.start_group(node.outputs[0])
        else:
            builder.tie(node)
    for name in graph.outputs:
        builder.pin(name, f"%{name} is an output of the model")
    for state in graph.states:
        builder.pin(state.next, f"%{state.next} becomes a state of the model")
    return builder.result()


@dataclass(slots=True)
class _Builder:
    graph: Graph
    channels: list[int] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)
    pins: list[tuple[int, str]] = field(default_factory=list)
    merged: dict[int, int] = field(default_factory=dict)
    mixing: list[Node] = field(default_factory=list)

    def start_group(self, name: str, pin: str | None = None) -> None:
        if has_channels(self.graph, name):
            self.places[name] = Place(len(self.channels), 1)
            self.channels.append(self.graph.types[name].shape[-1])
            if pin is not None:
                self.pin(name, pin)

    def pin(self, name: str, reason: str) -> None:
        if name in self.places:
            self.pins.append((self.places[name].group, reason))

    def add_barrier(self, node: Node, reason: str) -> None:
        for name in node.inputs:
            self.pin(name, reason)
        for name in node.outputs:
            self.start_group(name, reason)

    def tie(self, node: Node) -> None:
        """All values of the node's last dimension, its output among them, to one group."""
        result = node.outputs[0]
        extent = self.graph.types[result].shape[-1]
        values = [name for name in dict.fromkeys(node.inputs) if name in self.places]
        # What is broadcast is read for every channel of the output.
        tied = [n for n in values if node.op == "reshape" or self._extent(n) == extent]
        for name in values:
            if name not in tied:
                self.pin(name, f"{node.name} broadcasts %{name}")
        places = [self._place(name) for name in tied]
        alike = {(self.channels[place.group], place.copies) for place in places}
        if len(alike) != 1:
            self.add_barrier(node, f"{node.name} ({node.op}) pairs channels of different kinds")
            return
        first = places[0]
        for place in places[1:]:
            if place.group != first.group:
                self.merged[place.group] = first.group
        self.places[result] = Place(first.group, extent // self.channels[first.group])

    def result(self) -> ChannelGroups:
        pinned: dict[int, str] = {}
        for group, reason in self.pins:
            pinned.setdefault(self._root(group), reason)
        roots = [group for group in range(len(self.channels)) if group not in self.merged]
        return ChannelGroups(
            {group: self.channels[group] for group in roots},
            {name: self._place(name) for name in self.places},
            pinned,
            tuple(self.mixing),
        )

    def _extent(self, name: str) -> int:
        return self.graph.types[name].shape[-1]

    def _place(self, name: str) -> Place:
        place = self.places[name]
        return Place(self._root(place.group), place.copies)

    def _root(self, group: int) -> int:
        while group in self.merged:
            group = self.merged[group]
        return group


def _mixes(graph: Graph, node: Node) -> bool:
    """Whether each output channel depends on all input channels."""
    one_channel = graph.types[node.inputs[0]].shape[-1:] == (1,)
    return node.op in ("conv2d", "fully_connected") or (
        node.op == "depthwise_conv2d" and one_channel
    )


def _barrier(graph: Graph, node: Node) -> str | None:
    """Why all channels of the node's operands have to stay; ``None`` if they need not."""
    activations = [name for name in node.inputs if name not in graph.constants]
    if not activations or not all(has_channels(graph, n) for n in (*activations, *node.outputs)):
        return f"{node.name} ({node.op}) has operands that are no int8 activations"
    x, y = (graph.types[name].shape for name in (node.inputs[0], node.outputs[0]))
    match node.attrs:
        case MeanAttrs(axes=axes):
            understood = len(x) - 1 not in axes
        case PadAttrs(before, after):
            understood = before[-1] == after[-1] == 0
        case _ if node.op in ("conv2d", "depthwise_conv2d", "fully_connected"):
            understood = filters_of(graph, node) is not None and (
                node.op != "depthwise_conv2d" or x[-1] in (1, y[-1])
            )
        case _ if node.op == "reshape":
            understood = y[-1] % x[-1] == 0
        case _:
            understood = node.op in _ELEMENTWISE | _POOLING
    return None if understood else f"{node.name} ({node.op}) needs all channels"


def _shared_constant(graph: Graph, node: Node, reads: Mapping[str, int]) -> str | None:
    """A constant that something else reads too cannot be cut."""
    constants = (name for name in node.inputs if name in graph.constants)
    shared = next((name for name in constants if reads[name] > 1), None)
    return None if shared is None else f"{node.name} shares its constant @{shared}"
