"""Which values each channel of an activation can take: intervals that hold for every input.

Every element of an int8 value lies in the interval [low, high] of its channel (its index in the
last dimension), whatever int8 numbers the model is given. Why:

- An input or state of the model lies in [-128, 127], and so does what an operator not named below
  returns.
- Operators of :data:`MONOTONE` never give less where they are given more, element by element. If
  every input element lies between two tensors, every output element lies between their images,
  so the reference is run on the lowest and on the highest tensor that the intervals allow.
- A table gives one of the results of the numbers in the interval.
- A layer with weights sums ``w * (x - zero_point)`` over its taps. With x in [low, high], a product
  lies between its values at the two ends. A tap that padding puts outside the input contributes
  nothing, which is what ``x == zero_point`` would: if a tap lies outside for some output pixel,
  the interval of its x is extended to the zero point, if for all of them, it is the zero point.
  This holds for every pixel, since each of its taps lies either inside or outside. The interval of
  the sum is the sum of the intervals; it cannot exceed int32, because the operator's check has
  bounded it with [-128, 127] for every x. Requantization and clamp are monotone (multipliers are
  not negative), so that the ends of the output's interval are those of the sum, requantized.

The sum's ends are reached if each x can take its ends on its own, and exceeded by nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Graph, Node
from tinycc_ml.ops import Integers, bind, evaluate, integerize, op
from tinycc_ml.ops.convolution import ConvNumbers, requantize_channels
from tinycc_ml.transforms.filters import Filters, filters_of

#: Operators whose outputs never fall where an input rises; see the module's docstring.
MONOTONE = frozenset(
    (
        *("add", "average_pool2d", "concatenation", "max_pool2d", "mean"),
        *("pad", "quantize", "relu", "relu6", "reshape"),
    )
)
#: Elements of larger values are not computed: they fit no microcontroller, only damaged files.
_MOST_EVALUATED = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class ChannelRange:
    """The lowest and highest value of each channel: two int64 arrays (channels,)."""

    low: Array
    high: Array

    @property
    def is_constant(self) -> Array:
        """(channels,): whether the channel holds the same number everywhere and always."""
        is_constant: Array = self.low == self.high
        return is_constant


def channel_ranges(graph: Graph) -> dict[str, ChannelRange]:
    """The ranges of every int8 value that has channels, constants of the graph not included.

    Args:
        graph: A quantized graph whose nodes have passed their operators' checks.
    """
    given = (*graph.inputs, *(state.value for state in graph.states))
    ranges = {name: _whole(graph, name) for name in given if has_channels(graph, name)}
    for node in graph.nodes:
        outputs = [name for name in node.outputs if has_channels(graph, name)]
        found = _range_of(graph, node, ranges) if len(outputs) == len(node.outputs) == 1 else None
        ranges.update({name: found or _whole(graph, name) for name in outputs})
    return ranges


def has_channels(graph: Graph, name: str) -> bool:
    """Whether a value is one that the analysis speaks of."""
    type_ = graph.types[name]
    return type_.dtype == DType.INT8 and type_.elements > 0 and len(type_.shape) > 0


def sum_ranges(
    graph: Graph, node: Node, filters: Filters, ranges: Mapping[str, ChannelRange]
) -> ChannelRange:
    """The ranges of the int32 sums, bias included, of a layer with weights."""
    return _sums(op(node.op).integerize(bind(graph, node)), filters, ranges[node.inputs[0]])


def _range_of(graph: Graph, node: Node, ranges: Mapping[str, ChannelRange]) -> ChannelRange | None:
    """The range of a node's one output; ``None`` if nothing is known of it."""
    if node.op in MONOTONE:
        return _monotone(graph, node, ranges)
    if node.op == "table":
        return _tabulated(graph, node, ranges)
    filters = filters_of(graph, node)
    if filters is None or node.inputs[0] not in ranges:
        return None
    integers = op(node.op).integerize(bind(graph, node))
    sums = _sums(integers, filters, ranges[node.inputs[0]])
    numbers, constants = cast(ConvNumbers, integers.numbers), dict(integers.constants)
    multiplier, shift = constants["multiplier"].array, constants["shift"].array
    low, high = (
        requantize_channels(end, numbers, multiplier, shift).astype(np.int64)
        for end in (sums.low, sums.high)
    )
    return ChannelRange(low, high)


def _sums(integers: Integers, filters: Filters, x: ChannelRange) -> ChannelRange:
    zero = cast(ConvNumbers, integers.numbers).input_zero_point
    bias = dict(integers.constants)["bias"].array.astype(np.int64)
    # All filters read the same channels, or (depthwise) each reads its own.
    filter_count, _, depth = filters.weight.shape
    is_depthwise = depth != len(x.low)
    shape = (filter_count, 1, 1) if is_depthwise else (1, 1, depth)
    repeats = filter_count // len(x.low) if is_depthwise else 1
    low, high = (np.repeat(end - zero, repeats).reshape(shape) for end in (x.low, x.high))
    inside, reachable = (f[np.newaxis, :, np.newaxis] for f in (filters.inside, filters.reachable))
    low = np.where(inside, low, np.minimum(low, 0)) * reachable
    high = np.where(inside, high, np.maximum(high, 0)) * reachable
    rising, falling = np.maximum(filters.weight, 0), np.minimum(filters.weight, 0)
    return ChannelRange(
        (rising * low + falling * high).sum(axis=(1, 2)) + bias,
        (rising * high + falling * low).sum(axis=(1, 2)) + bias,
    )


def _monotone(graph: Graph, node: Node, ranges: Mapping[str, ChannelRange]) -> ChannelRange | None:
    names = tuple(dict.fromkeys(n for n in node.inputs if n not in graph.constants))
    if any(name not in ranges for name in names):
        return None
    if any(graph.types[name].elements > _MOST_EVALUATED for name in (*names, *node.outputs)):
        return None
    alone = integerize(
        replace(
            graph,
            nodes=(node,),
            types={name: graph.types[name] for name in (*node.inputs, *node.outputs)},
            constants={n: graph.constants[n] for n in node.inputs if n in graph.constants},
            inputs=names,
            outputs=node.outputs,
            states=(),
        )
    )
    lowest, highest = (
        evaluate(alone, [_filled(graph, name, end) for name, end in ends])[node.outputs[0]]
        for ends in (
            [(name, ranges[name].low) for name in names],
            [(name, ranges[name].high) for name in names],
        )
    )
    rows = (-1, lowest.shape[-1])
    return ChannelRange(
        lowest.reshape(rows).min(axis=0).astype(np.int64),
        highest.reshape(rows).max(axis=0).astype(np.int64),
    )


def _tabulated(graph: Graph, node: Node, ranges: Mapping[str, ChannelRange]) -> ChannelRange | None:
    """The least and the largest of the results of all numbers in each channel's interval."""
    x, table = ranges.get(node.inputs[0]), graph.constants[node.inputs[1]].array.astype(np.int64)
    if x is None:
        return None
    results = [
        table[low : high + 1]
        for low, high in zip(x.low - DType.INT8.min, x.high - DType.INT8.min, strict=True)
    ]
    return ChannelRange(*(np.array([end(r) for r in results]) for end in (np.min, np.max)))


def _filled(graph: Graph, name: str, channels: Array) -> Array:
    return np.broadcast_to(channels.astype(np.int8), graph.types[name].shape)


def _whole(graph: Graph, name: str) -> ChannelRange:
    channels = graph.types[name].shape[-1]
    return ChannelRange(
        np.full(channels, DType.INT8.min, np.int64), np.full(channels, DType.INT8.max, np.int64)
    )
