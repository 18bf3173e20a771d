"""Common subexpressions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tinycc_ml.graph import Graph, Node, RefusalLog
from tinycc_ml.transforms.draft import Draft, apply_rule


@dataclass(frozen=True, slots=True)
class ShareEqualNodes:
    """Computes once what several nodes compute.

    Given: any graph.
    Result: the same outputs, bit by bit. No two nodes have the same operator, attributes, inputs
        (or equal constants) and types of outputs, but those refused: both compute outputs of the
        model. Outputs of the model keep their names.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "share_equal_nodes"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        known: dict[object, str] = {}
        fixed = {state.value for state in graph.states}

        def share(draft: Draft, node: Node) -> str | None:
            if not fixed.isdisjoint(node.inputs):
                return None  # updates a state
            name = known.setdefault(_key(draft, node), node.name)
            return None if name == node.name else _share(draft, draft.nodes[name], node)

        return apply_rule(graph, refuse, self.name, share)


def _key(draft: Draft, node: Node) -> object:
    inputs = tuple(
        (draft.types[name], draft.constants[name].digest) if name in draft.constants else name
        for name in node.inputs
    )
    outputs = tuple(draft.types[name] for name in node.outputs)
    # As text: 0.0 and -0.0 are equal numbers, but not the same attribute.
    return node.op, repr(node.attrs), inputs, outputs


def _share(draft: Draft, first: Node, again: Node) -> str | None:
    pairs = list(zip(first.outputs, again.outputs, strict=True))
    if any(draft.is_result(one) and draft.is_result(other) for one, other in pairs):
        return f"{first.name} computes the same; both results are outputs of the model"
    names = tuple(other if draft.is_result(other) else one for one, other in pairs)
    draft.remove(again)
    draft.put(first, replace(first, outputs=names))
    for pair, kept in zip(pairs, names, strict=True):
        for name in pair:
            if name != kept:
                draft.read_instead(name, kept)
    return None
