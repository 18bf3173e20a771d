"""Step 5: from real scales to fixed-point multipliers, folded biases and tables.

Layers that compute in float32 pass through as they are.
"""

from __future__ import annotations

from dataclasses import replace

from tinycc_ml.graph import Graph, Node, TensorType
from tinycc_ml.ops.base import BoundNode, Layer, LayerGraph, Workload
from tinycc_ml.ops.registry import op


def bind(graph: Graph, node: Node) -> BoundNode:
    """A node together with its types and constant inputs."""
    return BoundNode(
        node,
        tuple(graph.types[name] for name in node.inputs),
        tuple(graph.types[name] for name in node.outputs),
        tuple(graph.constants.get(name) for name in node.inputs),
    )


def integerize(graph: Graph) -> LayerGraph:
    """The graph as workloads; every node must have passed :func:`find_unsupported`."""
    layers = tuple(_layer(graph, node) for node in graph.nodes)
    used = {name for layer in layers for name in layer.inputs} | set(graph.outputs)
    return LayerGraph(
        graph.name,
        layers,
        {name: _plain(type_) for name, type_ in graph.types.items()},
        {name: value for name, value in graph.constants.items() if name in used},
        graph.inputs,
        graph.outputs,
        graph.states,
    )


def _plain(type_: TensorType) -> TensorType:
    return replace(type_, quant=None)


def _layer(graph: Graph, node: Node) -> Layer:
    definition, bound = op(node.op), bind(graph, node)
    integers = definition.integerize(bound)
    renewed = {index for _, _, index in integers.states}
    computed = [i for i in range(len(node.outputs)) if i not in renewed]
    outputs = tuple(
        ("output" if len(computed) == 1 else f"output{i}", _plain(bound.outputs[i]))
        for i in computed
    )
    workload = Workload(
        node.op,
        node.attrs,
        integers.numbers,
        tuple((role, _plain(bound.inputs[i])) for role, i in integers.inputs),
        tuple((role, constant.type) for role, constant in integers.constants),
        outputs,
        tuple((role, _plain(bound.inputs[i])) for role, i, _ in integers.states),
    )
    return Layer(
        node.name,
        workload,
        tuple(node.inputs[i] for _, i in integers.inputs),
        tuple(node.outputs[i] for i in computed),
        tuple(constant for _, constant in integers.constants),
        node.origin,
        definition.macs(workload),
        tuple((node.inputs[i], node.outputs[o]) for _, i, o in integers.states),
    )
