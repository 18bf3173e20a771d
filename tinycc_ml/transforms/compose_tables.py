"""Chains of int8 functions of one operand become one table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant, Graph, Node, OpAttrs, RefusalLog
from tinycc_ml.ops import evaluate, integerize, op
from tinycc_ml.ops.lookup import every_input
from tinycc_ml.transforms.draft import Draft, apply_rule

#: A region that is larger is looked through no further.
_MOST_NODES = 64


@dataclass(frozen=True, slots=True)
class ComposeTables:
    """Makes one `table` of elementwise nodes that depend on one int8 value, and on scalars.

    Given: a graph whose nodes have passed their operators' checks.
    Result: the same outputs, bit by bit. An int8 value that is computed element by element from one
        int8 value by two or more nodes, which nothing else reads from, is computed by one lookup:
        all 256 results are known. It does not matter what is computed in between: float32 and
        other scales too. Refused where a value in between is read by others too.
    """

    @property
    def name(self) -> str:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return "compose_tables"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """See :class:`~tinycc_ml.graph.Pass`."""
        return apply_rule(graph, refuse, self.name, _compose)


@dataclass(frozen=True, slots=True)
class _Region:
    """Nodes, in no order, that compute a value from one int8 value."""

    root: str
    nodes: tuple[Node, ...]


def _compose(draft: Draft, node: Node) -> str | None:
    if not _fits(draft, node) or not _is_int8(draft, node.outputs[0]):
        return None
    if _continues(draft, node):
        return None  # the last node of a chain takes all of it
    regions = _regions(draft, node)
    inner = [r for r in regions if len(r.nodes) > 1]
    region = next((r for r in reversed(inner) if _is_private(draft, node, r)), None)
    if region is None:
        return "what it reads is read by others too" if inner else None
    table = _table(draft, node, region)
    name = draft.add_constant(node.outputs[0], table)
    for other in region.nodes:
        if other is not node:
            draft.remove(other)
    draft.put(node, replace(node, op="table", inputs=(region.root, name), attrs=OpAttrs()))
    return None


def _fits(draft: Draft, node: Node) -> bool:
    """Whether a node may be part of a region: elementwise, of one tensor and scalars."""
    if not (op(node.op).is_elementwise or node.op == "table") or len(node.outputs) != 1:
        return False
    shape = draft.types[node.outputs[0]].shape
    values = [name for name in node.inputs if name not in draft.constants]
    if not values or any(draft.types[name].shape != shape for name in values):
        return False
    constants = (draft.constants[name] for name in node.inputs if name in draft.constants)
    return node.op == "table" or all(constant.array.size == 1 for constant in constants)


def _is_int8(draft: Draft, value: str) -> bool:
    return draft.types[value].dtype is DType.INT8


def _continues(draft: Draft, node: Node) -> bool:
    """Whether all readers of a node's result would take it into their own region."""
    value = node.outputs[0]
    readers = draft.readers(value)
    if len(readers) != 1 or draft.is_result(value):
        return False
    (reader,) = readers
    roots = {name for name in reader.inputs if name not in draft.constants}
    return roots == {value} and _fits(draft, reader) and _is_int8(draft, reader.outputs[0])


def _regions(draft: Draft, node: Node) -> list[_Region]:
    """All regions that end in a node, from small to large."""
    order = {name: i for i, name in enumerate(draft.nodes)}
    found: list[_Region] = []
    nodes = [node]
    values = {name for name in node.inputs if name not in draft.constants}
    while len(nodes) < _MOST_NODES:
        if len(values) == 1:
            (root,) = values
            if _is_int8(draft, root):
                found.append(_Region(root, tuple(nodes)))
        makers = [maker for maker in map(draft.producer, values) if maker is not None]
        # The last one first: no other value of the region can depend on it.
        last = max(makers, key=lambda maker: order[maker.name], default=None)
        if last is None or not _fits(draft, last):
            break
        nodes.append(last)
        values.difference_update(last.outputs)
        values.update(name for name in last.inputs if name not in draft.constants)
    return found


def _is_private(draft: Draft, node: Node, region: _Region) -> bool:
    """Whether no value within the region is read outside of it."""
    names = {n.name for n in region.nodes}
    inner = (n.outputs[0] for n in region.nodes if n is not node)
    return all(
        not draft.is_result(value) and all(r.name in names for r in draft.readers(value))
        for value in inner
    )


def _table(draft: Draft, node: Node, region: _Region) -> Array:
    """The results of all int8 inputs, as the operators' references have them."""
    inputs = every_input(DType.INT8).astype(np.int8)
    names = {name for n in region.nodes for name in (*n.inputs, *n.outputs)}
    tables = {n.inputs[1] for n in region.nodes if n.op == "table"}
    constants = {
        name: draft.constants[name] if name in tables else _scalar(draft.constants[name])
        for name in names
        if name in draft.constants
    }
    types = {
        name: replace(
            draft.types[name],
            shape=constants[name].array.shape if name in constants else inputs.shape,
        )
        for name in names
    }
    place = {name: i for i, name in enumerate(draft.nodes)}
    nodes = tuple(sorted(region.nodes, key=lambda n: place[n.name]))
    alone = Graph("table", nodes, types, constants, (region.root,), node.outputs)
    return evaluate(integerize(alone), [inputs])[node.outputs[0]]


def _scalar(constant: Constant) -> Constant:
    return Constant(constant.array.reshape(1))
