"""What is different between two graphs, as text: what a pass did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from tinycc_ml.graph.graph import Constant, Graph, Node


def describe_changes(before: Graph, after: Graph) -> Iterator[str]:
    """One line for each node that came, went or changed, and for each value of another type.

    Nodes are told apart by their names, values by theirs.
    """
    old, new = ({node.name: node for node in graph.nodes} for graph in (before, after))
    for name, node in old.items():
        if name not in new:
            yield f"- {name} ({node.op})"
    for name, node in new.items():
        if name not in old:
            yield f"+ {name} ({node.op}), reads {_list(node.inputs)}, writes {_list(node.outputs)}"
        elif node != old[name]:
            yield f"~ {name}: {'; '.join(_differences(old[name], node))}"
    for name, type_ in after.types.items():
        known = before.types.get(name)
        if known is not None and known != type_ and name not in after.constants:
            yield f"~ %{name}: {known} -> {type_}"
    came, went = (
        [n for n in one.constants if not _is_same(one.constants[n], other.constants.get(n))]
        for one, other in ((after, before), (before, after))
    )
    if came or went:
        sizes = (_bytes(graph) for graph in (before, after))
        yield f"constants: {len(went)} went, {len(came)} came; bytes {' -> '.join(sizes)}"


def _differences(old: Node, new: Node) -> Iterator[str]:
    if old.op != new.op:
        yield f"{old.op} -> {new.op}"
    for what, one, other in (
        ("reads", old.inputs, new.inputs),
        ("writes", old.outputs, new.outputs),
    ):
        if one != other:
            yield f"{what} {_list(one)} -> {_list(other)}"
    if type(old.attrs) is type(new.attrs):
        for field in fields(old.attrs):
            one, other = getattr(old.attrs, field.name), getattr(new.attrs, field.name)
            if one != other:
                yield f"{field.name} {_text(one)} -> {_text(other)}"
    elif old.op == new.op:
        yield "other attributes"


def _text(value: object) -> str:
    return str(getattr(value, "value", value))


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nothing"


def _is_same(one: Constant, other: Constant | None) -> bool:
    # Nearly always it is one object: its bytes need not be looked at.
    return one is other or one == other


def _bytes(graph: Graph) -> str:
    return f"{sum(constant.array.nbytes for constant in graph.constants.values()):,}"
