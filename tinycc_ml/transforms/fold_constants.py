"""Constant folding."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinycc_ml.graph import Constant, Graph, Node, Refusal, RefusalLog
from tinycc_ml.ops import evaluate, integerize


@dataclass(frozen=True, slots=True)
class FoldConstants:
    """Computes at compile time what depends on constants only.

    Given: a graph whose nodes have passed their operators' checks.
    Result: no node has only constant inputs, but those refused: a node that computes an output of
        the model, and one whose result would take much more flash than it saves.

    The results are those of the operators' references, and so the same as on the device.

    Attributes:
        max_growth_bytes: How much larger than its inputs a result may be.
    """

    max_growth_bytes: int = 1024

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "fold_constants"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        constants = dict(graph.constants)
        kept: list[Node] = []
        for node in graph.nodes:
            if not node.inputs or any(name not in constants for name in node.inputs):
                kept.append(node)
                continue
            reason = self._refusal(graph, node)
            if reason is None:
                constants.update(_results(graph, node, constants))
            else:
                refuse(Refusal(self.name, node.name, reason))
                kept.append(node)
        if len(kept) == len(graph.nodes):
            return graph
        return replace(graph, nodes=tuple(kept), constants=constants)

    def _refusal(self, graph: Graph, node: Node) -> str | None:
        if not set(node.outputs).isdisjoint(graph.results):
            return "its result is an output of the model"
        before = sum(graph.types[name].size_bytes for name in node.inputs)
        after = sum(graph.types[name].size_bytes for name in node.outputs)
        if after - before > self.max_growth_bytes:
            return f"its result takes {after} bytes, its inputs take {before}"
        return None


def _results(graph: Graph, node: Node, constants: dict[str, Constant]) -> dict[str, Constant]:
    names = {*node.inputs, *node.outputs}
    alone = Graph(
        graph.name,
        (node,),
        {name: graph.types[name] for name in names},
        {name: constants[name] for name in node.inputs},
        (),
        node.outputs,
    )
    values = evaluate(integerize(alone), ())
    return {name: Constant(values[name]) for name in node.outputs}
