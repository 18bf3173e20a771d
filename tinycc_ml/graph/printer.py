"""Prints a graph as text: for dumps, error notes and goldens."""

from __future__ import annotations

from dataclasses import fields

from tinycc_ml.graph.graph import Graph, Node, OpAttrs


def format_attrs(attrs: OpAttrs) -> str:
    """``stride=(1, 1), padding=same``; empty when there are none."""
    return ", ".join(f"{f.name}={getattr(attrs, f.name)}" for f in fields(attrs))


def _typed(graph: Graph, name: str) -> str:
    """``name: type``; broken graphs are printed too, so a type may be missing."""
    return f"{name}: {graph.types.get(name, '?')}"


def format_node(graph: Graph, node: Node) -> str:
    """One line: ``outputs = op(inputs) {attrs}  # origin``."""
    outputs = ", ".join(f"%{_typed(graph, name)}" for name in node.outputs)
    inputs = ", ".join(
        f"@{name}" if name in graph.constants else f"%{name}" for name in node.inputs
    )
    attrs = format_attrs(node.attrs)
    return (
        f"{outputs} = {node.op}({inputs})"
        + (f" {{{attrs}}}" if attrs else "")
        + (f"  # {node.name}: {node.origin}" if node.origin.file else "")
    )


def format_graph(graph: Graph) -> str:
    """The whole graph, one value or node a line."""
    inputs = ", ".join(f"%{_typed(graph, name)}" for name in graph.inputs)
    lines = [f"graph {graph.name}({inputs}) {{"]
    lines += [
        f"  state %{_typed(graph, s.value)} = #{s.initial.digest[:12]}, then %{s.next}"
        for s in graph.states
    ]
    lines += [f"  @{_typed(graph, n)} = #{c.digest[:12]}" for n, c in graph.constants.items()]
    lines += [f"  {format_node(graph, node)}" for node in graph.nodes]
    lines += ["  return " + ", ".join(f"%{name}" for name in graph.outputs), "}"]
    return "\n".join(lines) + "\n"
