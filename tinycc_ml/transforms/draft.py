"""A graph while a pass rewrites it: who computes a value, who reads it, what may be replaced.

A rewriting rule is a function that looks at one node: it rewrites the draft around it and returns
nothing, or returns why it declines what would fit its pattern otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinycc_ml.dtypes import from_numpy
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import (
    Array,
    Constant,
    Graph,
    Node,
    QuantParams,
    Refusal,
    RefusalLog,
    TensorType,
)
from tinycc_ml.ops import BoundNode, op


class Draft:
    """A graph under way.

    Attributes:
        source: The graph that it started as.
        nodes: By name; the order stays a valid order of execution.
        types: Of all values.
        constants: By name.
    """

    def __init__(self, graph: Graph) -> None:
        self.source = graph
        self.nodes = {node.name: node for node in graph.nodes}
        self.types = dict(graph.types)
        self.constants = dict(graph.constants)
        self._results = set(graph.results)
        self._producers = {name: node.name for node in graph.nodes for name in node.outputs}
        self._readers: dict[str, dict[str, None]] = {}
        for node in graph.nodes:
            self._note_inputs(node)
        self._is_changed = False

    def producer(self, value: str) -> Node | None:
        """The node that computes a value; ``None`` for inputs, constants and states."""
        name = self._producers.get(value)
        return None if name is None else self.nodes[name]

    def readers(self, value: str) -> tuple[Node, ...]:
        """The nodes that read a value, in no order."""
        return tuple(self.nodes[name] for name in self._readers.get(value, ()))

    def is_result(self, value: str) -> bool:
        """Whether a value is an output of the model, or what a state becomes."""
        return value in self._results

    def is_only_read_by(self, value: str, node: Node) -> bool:
        """Whether a value can go if that node no longer reads it."""
        return not self.is_result(value) and list(self._readers.get(value, ())) == [node.name]

    def bound(self, node: Node) -> BoundNode:
        """A node with its types and constants, which may be one that is not in the draft."""
        return BoundNode(
            node,
            tuple(self.types[name] for name in node.inputs),
            tuple(self.types[name] for name in node.outputs),
            tuple(self.constants.get(name) for name in node.inputs),
        )

    def problem(self, node: Node) -> str | None:
        """Why a node cannot be compiled, or does not compute values of the types that it writes."""
        bound, definition = self.bound(node), op(node.op)
        try:
            shapes = definition.infer(node.attrs, bound.inputs)
        except UnsupportedError as error:
            return str(error)
        if shapes != tuple(type_.shape for type_ in bound.outputs):
            return f"its outputs would have shapes {shapes}"
        return definition.check(bound)

    def put(self, old: Node, new: Node) -> None:
        """Replaces a node by one of the same name, in its place."""
        self._forget(old)
        self.nodes[new.name] = new
        self._note_inputs(new)
        self._producers.update((name, new.name) for name in new.outputs)
        self._is_changed = True

    def insert_after(self, place: Node, new: Node) -> None:
        """Adds a node behind another."""
        nodes: dict[str, Node] = {}
        for name, node in self.nodes.items():
            nodes[name] = node
            if name == place.name:
                nodes[new.name] = new
        self.nodes = nodes
        self.put(new, new)

    def remove(self, node: Node) -> None:
        """Takes a node away; its outputs are forgotten where nothing else computes them."""
        self._forget(node)
        del self.nodes[node.name]
        self._is_changed = True

    def read_instead(self, old: str, new: str) -> None:
        """Lets all readers of a value read another, of the same type."""
        for node in self.readers(old):
            inputs = tuple(new if name == old else name for name in node.inputs)
            self.put(node, replace(node, inputs=inputs))

    def hand_on(self, node: Node, source: str) -> str | None:
        """Takes a node away whose only output is another value: byte by byte, and of its type.

        Outputs of the model keep their names.

        Returns:
            Why it has to stay, or ``None``.
        """
        (result,) = node.outputs
        if not self.is_result(result):
            self.read_instead(result, source)
            self.remove(node)
            return None
        maker = self.producer(source)
        if maker is None or self.is_result(source):
            return f"it hands {source} on as an output of the model"
        self.remove(node)
        outputs = tuple(result if name == source else name for name in maker.outputs)
        self.put(maker, replace(maker, outputs=outputs))
        self.read_instead(source, result)
        return None

    def add_constant(self, like: str, array: Array, quant: QuantParams | None = None) -> str:
        """A new constant, named after a value."""
        name = self.new_value(like, TensorType(array.shape, from_numpy(array.dtype), quant))
        self.constants[name] = Constant(array)
        return name

    def new_value(self, like: str, type_: TensorType) -> str:
        """A new value, named after another; nothing computes it yet."""
        number = 1
        while f"{like}_{number}" in self.types:
            number += 1
        name = f"{like}_{number}"
        self.types[name] = type_
        return name

    def result(self) -> Graph:
        """The graph; the one that it started as where nothing was done."""
        if not self._is_changed:
            return self.source
        return replace(
            self.source,
            nodes=tuple(self.nodes.values()),
            types=self.types,
            constants=self.constants,
        )

    def _forget(self, node: Node) -> None:
        for name in node.inputs:
            self._readers.get(name, {}).pop(node.name, None)
        for name in node.outputs:
            if self._producers.get(name) == node.name:
                del self._producers[name]

    def _note_inputs(self, node: Node) -> None:
        for name in node.inputs:
            self._readers.setdefault(name, {})[node.name] = None


Rule = Callable[[Draft, Node], str | None]


def apply_rule(graph: Graph, refuse: RefusalLog, name: str, rule: Rule) -> Graph:
    """Offers every node of a graph to a rule, in order, as it is when its turn comes.

    Args:
        graph: What to rewrite.
        refuse: Told what the rule declines, and why.
        name: The pass, for refusals.
        rule: See the module.

    Returns:
        The graph without values that nothing computes any more; the same object where the rule
        did nothing.
    """
    draft = Draft(graph)
    for node_name in tuple(draft.nodes):
        node = draft.nodes.get(node_name)
        reason = None if node is None else rule(draft, node)
        if reason is not None:
            refuse(Refusal(name, node_name, reason))
    result = draft.result()
    return result if result is graph else _without_lost_values(result)


def _without_lost_values(graph: Graph) -> Graph:
    defined = {*graph.inputs, *graph.constants, *(state.value for state in graph.states)}
    defined.update(name for node in graph.nodes for name in node.outputs)
    types = {name: type_ for name, type_ in graph.types.items() if name in defined}
    return replace(graph, types=types)
