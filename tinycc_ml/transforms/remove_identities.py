"""Removes nodes that return their input."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinycc_ml.graph import Graph, Node, Refusal, RefusalLog
from tinycc_ml.ops import Activation
from tinycc_ml.ops.concatenation import ConcatenationAttrs
from tinycc_ml.ops.pad import PadAttrs


@dataclass(frozen=True, slots=True)
class RemoveIdentities:
    """Removes nodes that cannot change a byte, nor the type, of what they are given.

    Given: any graph.
    Result: no reshape to the same shape, no pad by nothing, no quantize to the quantization that
        is there already, no concatenation of one input, but those refused: nodes that hand an
        input or a constant of the model, or another of its outputs, on as an output.

    Outputs of the model keep their names, and so does what states become.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "remove_identities"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        # Readers of an inner identity read its input; the writer of what an identity hands on as
        # an output of the model writes that output instead.
        read_as: dict[str, str] = {}
        write_as: dict[str, str] = {}
        states = {state.value for state in graph.states}
        fixed = {*graph.inputs, *graph.constants, *states, *graph.results}
        kept: list[Node] = []
        for node in graph.nodes:
            inputs = tuple(read_as.get(name, name) for name in node.inputs)
            result = node.outputs[0]
            if not _is_identity(graph, node):
                kept.append(node if inputs == node.inputs else replace(node, inputs=inputs))
            elif result not in graph.results:
                read_as[result] = inputs[0]
            elif inputs[0] in fixed or inputs[0] in write_as:
                reason = f"it hands {inputs[0]} on as an output of the model"
                refuse(Refusal(self.name, node.name, reason))
                kept.append(replace(node, inputs=inputs))
            else:
                write_as[inputs[0]] = result
        if len(kept) == len(graph.nodes):
            return graph
        gone = {*read_as, *write_as}
        return replace(
            graph,
            nodes=tuple(_renamed(node, write_as) for node in kept),
            types={name: type_ for name, type_ in graph.types.items() if name not in gone},
        )


def _renamed(node: Node, names: dict[str, str]) -> Node:
    if not names:
        return node
    inputs = tuple(names.get(name, name) for name in node.inputs)
    outputs = tuple(names.get(name, name) for name in node.outputs)
    return replace(node, inputs=inputs, outputs=outputs)


def _is_identity(graph: Graph, node: Node) -> bool:
    if len(node.inputs) != 1 or graph.types[node.inputs[0]] != graph.types[node.outputs[0]]:
        return False
    match node.attrs:
        case PadAttrs(before, after):
            return not any(before + after)
        case ConcatenationAttrs(activation=activation):
            return activation is Activation.NONE
    return node.op in ("reshape", "quantize")
