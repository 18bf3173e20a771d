"""Runs a graph on a batch of samples: floats fast, integers bit-exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from tinycc_ml.graph import Array, Constant, Graph, Node
from tinycc_ml.ops import Layer, integerize
from tinycc_ml.ops.convolution import ConvNumbers, finish, weight_of
from tinycc_ml.ops.evaluate import evaluate_layer
from tinycc_ml.ops.floats import FloatNumbers, limit
from tinycc_ml.quant.linear import WEIGHTED, LinearView, multiply

#: Products of so many int8 pairs are summed up exactly in float32.
_EXACT_FLOAT32_TERMS = (1 << 24) // (255 * 128)


def layer_of(graph: Graph, node: Node) -> Layer:
    """A node as a layer of its own."""
    single = replace(
        graph,
        nodes=(node,),
        inputs=tuple(n for n in node.inputs if n not in graph.constants),
        outputs=node.outputs,
        constants={n: graph.constants[n] for n in node.inputs if n in graph.constants},
        states=(),
    )
    return integerize(single).layers[0]


def view_of(graph: Graph, node: Node) -> LinearView:
    """A node with weights as products of matrices."""
    x, weight = (graph.types[name].shape for name in node.inputs[:2])
    return LinearView(node, weight, x[-1], graph.types[node.outputs[0]].shape)


class BatchRunner:
    """The nodes of a graph, ready to be run on batches."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._layers: dict[str, Layer] = {}
        last: dict[str, int] = {}
        for index, node in enumerate(graph.nodes):
            last.update(dict.fromkeys(node.inputs, index))
        #: What no later node reads, by the index of the last that does.
        self._dying: dict[int, list[str]] = {}
        for name, index in last.items():
            if name not in graph.outputs and name not in graph.constants:
                self._dying.setdefault(index, []).append(name)

    def values(self, inputs: Sequence[Array]) -> Iterator[tuple[str, Array]]:
        """All activations, one after the other; each has the samples along its first axis.

        Args:
            inputs: One array for each input of the graph, shaped (samples, *shape).
        """
        values = dict(zip(self.graph.inputs, inputs, strict=True))
        yield from list(values.items())
        for index, node in enumerate(self.graph.nodes):
            for name, array in zip(node.outputs, self.node(node, values), strict=True):
                values[name] = array
                yield name, array
            for name in self._dying.get(index, ()):
                values.pop(name, None)

    def outputs(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The outputs of a batch."""
        found = {n: a for n, a in self.values(inputs) if n in self.graph.outputs}
        return tuple(found[name] for name in self.graph.outputs)

    def node(self, node: Node, values: Mapping[str, Array]) -> tuple[Array, ...]:
        """The outputs of one node."""
        if node.name not in self._layers:
            self._layers[node.name] = layer_of(self.graph, node)
        return run_layer(self.graph, node, self._layers[node.name], values)


def run_layer(
    graph: Graph, node: Node, layer: Layer, values: Mapping[str, Array]
) -> tuple[Array, ...]:
    """The outputs of a layer for a batch.

    Args:
        graph: Types and constants.
        node: The node that the layer is made of.
        layer: The layer.
        values: Its inputs, samples along the first axis.
    """
    if node.op in WEIGHTED and isinstance(layer.workload.numbers, FloatNumbers | ConvNumbers):
        return (_weighted(view_of(graph, node), layer, values[node.inputs[0]]),)
    constants: Mapping[str, Constant] = graph.constants
    varying = [name for name in layer.inputs if name not in constants]
    known = {n: constants[n].array for n in layer.inputs if n in constants}
    samples = len(values[varying[0]]) if varying else 1
    results = [
        evaluate_layer(layer, known | {n: values[n][i] for n in varying}) for i in range(samples)
    ]
    return tuple(np.stack(column) for column in zip(*results, strict=True))


def _weighted(view: LinearView, layer: Layer, x: Array) -> Array:
    """A layer with weights; `x` is (samples, *shape), and so is the result."""
    workload = layer.workload
    operands = dict(
        zip(
            (role for role, _ in workload.constants),
            (c.array for c in layer.constants),
            strict=True,
        )
    )
    samples = len(x)
    merged = x.reshape(-1, *x.shape[2:])
    numbers = workload.numbers
    if isinstance(numbers, ConvNumbers):
        weight = weight_of(workload, operands)
        terms = weight.size // view.filters
        wide = np.float32 if terms < _EXACT_FLOAT32_TERMS else np.float64
        rows = view.rows(merged.astype(wide) - numbers.input_zero_point)
        matrices = view.matrices(weight.astype(wide))
        products = view.outputs(multiply(rows, matrices)).astype(np.float64)
        y = finish(products, workload, operands)
    else:
        assert isinstance(numbers, FloatNumbers)
        products = view.outputs(multiply(view.rows(merged), view.matrices(operands["weight"])))
        y = limit(products + operands["bias"], numbers)
    return y.reshape(samples, *view.output_shape)
