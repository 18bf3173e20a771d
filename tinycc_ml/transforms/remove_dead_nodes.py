"""Dead code elimination."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinycc_ml.graph import Graph, Node, RefusalLog


@dataclass(frozen=True, slots=True)
class RemoveDeadNodes:
    """Removes what no output and no state depends on.

    Given: any graph.
    Result: every node is needed for an output or a state; every constant is read by a node; no
        other value has a type. The model's inputs stay, whether they are read or not.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "remove_dead_nodes"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        nodes, needed = _live(graph)
        defined = {*graph.inputs, *needed, *(name for node in nodes for name in node.outputs)}
        defined.update(state.value for state in graph.states)
        if len(nodes) == len(graph.nodes) and defined.issuperset(graph.types):
            return graph
        return replace(
            graph,
            nodes=nodes,
            types={name: type_ for name, type_ in graph.types.items() if name in defined},
            constants={name: c for name, c in graph.constants.items() if name in needed},
        )


def _live(graph: Graph) -> tuple[tuple[Node, ...], set[str]]:
    needed = set(graph.results)
    live: list[Node] = []
    for node in reversed(graph.nodes):
        if not needed.isdisjoint(node.outputs):
            live.append(node)
            needed.update(node.inputs)
    return tuple(reversed(live)), needed
