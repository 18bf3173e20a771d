"""The order of a file's nodes, and which of them matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnx import AttributeProto, GraphProto, NodeProto

from tinycc_ml.errors import ModelFileError
from tinycc_ml.importers.flatbuffer import one_line

_MAX_DEPTH = 16


def reads(node: NodeProto, depth: int = 0) -> Iterator[str]:
    """The names that a node reads, those in its subgraphs included."""
    yield from (name for name in node.input if name)
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH and depth < _MAX_DEPTH:
            yield from graph_reads(attribute.g, depth + 1)


def graph_reads(graph: GraphProto, depth: int = 0) -> Iterator[str]:
    """The names that a subgraph reads, its own included."""
    for node in graph.node:
        yield from reads(node, depth)
    yield from (value.name for value in graph.output)


def live_nodes(
    nodes: Sequence[NodeProto], outputs: Sequence[str], file: str
) -> list[tuple[int, NodeProto]]:
    """The nodes that outputs depend on, with their numbers, in an order of execution.

    The file's own order is kept as far as it is one.

    Raises:
        ModelFileError: If two nodes compute the same value, or nodes wait for each other.
    """
    producers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.output:
            if name and name in producers:
                raise ModelFileError(f"{file}: '{one_line(name, 60)}' is computed twice")
            producers[name] = index
    producers.pop("", None)
    needs = [sorted({producers[name] for name in reads(n) if name in producers}) for n in nodes]
    live = _reachable({producers[name] for name in outputs if name in producers}, needs)
    return [(index, nodes[index]) for index in _sorted(live, needs, file)]


def _reachable(roots: set[int], needs: list[list[int]]) -> list[int]:
    found, stack = set(roots), list(roots)
    while stack:
        for index in needs[stack.pop()]:
            if index not in found:
                found.add(index)
                stack.append(index)
    return sorted(found)


def _sorted(live: list[int], needs: list[list[int]], file: str) -> list[int]:
    """Depth first, from each node in the file's order to what it needs."""
    order: list[int] = []
    state: dict[int, int] = {}
    for root in live:
        stack = [root]
        while stack:
            index = stack[-1]
            if state.get(index) == 2:
                stack.pop()
                continue
            waiting = [i for i in needs[index] if state.get(i) != 2]
            if not waiting:
                state[index] = 2
                order.append(index)
                stack.pop()
            elif state.get(index) == 1:
                raise ModelFileError(f"{file}: node {index} depends on its own result")
            else:
                state[index] = 1
                stack += reversed(waiting)
    return order
