"""Equalization: the channels of an activation get ranges of like size.

A rectifier lets positive factors through, so a channel may be multiplied by any factor behind one
layer and divided again in the next. One scale for the tensor then serves all channels. Weights
have scales per filter, so that the layer before does not mind at all, and a depthwise layer behind
neither; a dense layer behind mixes channels in each filter, whose weights then differ more: there
only a power of the factor is taken.

Source: the idea of Nagel et al., "Data-free quantization through weight equalization and bias
correction" (2019), with ranges of activations instead of weights, as Xiao et al., "SmoothQuant"
(2023), take them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from tinycc_ml.graph import Array, Constant, Graph, Node
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.mean import MeanAttrs
from tinycc_ml.quant.batch import BatchRunner
from tinycc_ml.quant.linear import CHANNEL_AXIS
from tinycc_ml.quant.observe import batches
from tinycc_ml.quant.options import QuantizeOptions
from tinycc_ml.quant.samples import Samples

_OPS = frozenset({"conv2d", "depthwise_conv2d", "fully_connected"})
#: What lets a factor per channel through.
_TRANSPARENT = frozenset({"average_pool2d", "max_pool2d", "mean"})
#: Channels that are smaller than this share of the largest are taken to be as large: their
#: numbers do not matter, and overflow would.
_SMALLEST = 1e-3

_Pair = tuple[Node, Node]


def channel_peaks(graph: Graph, samples: Samples) -> dict[str, Array]:
    """The largest magnitude of each channel of the values between two layers with weights."""
    names = {first.outputs[0] for first, _ in _pairs(graph)}
    runner, peaks = BatchRunner(graph), dict[str, Array]()
    for batch in batches(samples if names else ()):
        for name, array in runner.values(batch):
            if name in names:
                peak = np.abs(array).reshape(-1, array.shape[-1]).max(axis=0)
                peaks[name] = np.maximum(peaks.get(name, peak), peak)
    return peaks


def equalize(graph: Graph, peaks: Mapping[str, Array], options: QuantizeOptions) -> Graph:
    """The same float network with equalized channels.

    Given: a prepared float graph.
    Result: where there is nothing but rectifiers and pooling between two layers, and nobody else
        reads, the channels between them have ranges of like size.
    """
    constants = {name: c.array for name, c in graph.constants.items()}
    for pair in _pairs(graph):
        peak = peaks[pair[0].outputs[0]].astype(np.float64)
        if not np.isfinite(peak).all() or peak.max() <= 0:
            continue
        is_free = pair[1].op == "depthwise_conv2d"
        power = options.depth_power if is_free else options.dense_power
        factor = (peak.max() / np.maximum(peak, _SMALLEST * peak.max())) ** power
        _multiply_channels(constants, pair, factor.astype(np.float32))
    return replace(graph, constants={n: Constant(array) for n, array in constants.items()})


def _pairs(graph: Graph) -> list[_Pair]:
    readers = graph.consumers()
    uses: dict[str, int] = {}
    for node in graph.nodes:
        for name in node.inputs:
            uses[name] = uses.get(name, 0) + 1
    own = {
        node.name
        for node in graph.nodes
        if node.op in _OPS and all(n in graph.constants and uses[n] == 1 for n in node.inputs[1:3])
    }
    found: list[_Pair] = []
    for node in graph.nodes:
        if node.name not in own or not _is_homogeneous(node):
            continue
        name = node.outputs[0]
        while len(readers[name]) == 1 and name not in graph.outputs:
            (reader,) = readers[name]
            if reader.name in own and graph.types[name].shape[-1] == _inputs(graph, reader):
                found.append((node, reader))
            if not _is_transparent(graph, reader):
                break
            name = reader.outputs[0]
    return found


def _is_homogeneous(node: Node) -> bool:
    """Whether a positive factor goes through the activation."""
    activation = getattr(node.attrs, "activation", Activation.NONE)
    return activation in (Activation.NONE, Activation.RELU)


def _is_transparent(graph: Graph, node: Node) -> bool:
    if node.op == "reshape":
        shapes = graph.types[node.inputs[0]].shape, graph.types[node.outputs[0]].shape
        return shapes[0][-1] == shapes[1][-1]
    if node.op == "mean" and not cast(MeanAttrs, node.attrs).keep_dims:
        return False
    return node.op in _TRANSPARENT and _is_homogeneous(node)


def _inputs(graph: Graph, node: Node) -> int:
    """Input channels that have weights of their own; 0 where filters share a channel."""
    shape = graph.types[node.inputs[1]].shape
    if node.op == "depthwise_conv2d":
        channels = graph.types[node.inputs[0]].shape[-1]
        return channels if shape[-1] == channels else 0
    return shape[-1]


def _multiply_channels(constants: dict[str, Array], pair: _Pair, factor: Array) -> None:
    """Multiplies the first layer's output channels, and divides the second's input channels."""
    (weight, bias), second = pair[0].inputs[1:3], pair[1].inputs[1]
    shape = [1] * constants[weight].ndim
    shape[CHANNEL_AXIS[pair[0].op]] = -1
    constants[weight] = constants[weight] * factor.reshape(shape)
    constants[bias] = constants[bias] * factor
    constants[second] = constants[second] / factor
