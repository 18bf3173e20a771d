"""Prints an integer graph as text, for dumps."""

from __future__ import annotations

from dataclasses import fields

from tinycc_ml.graph import format_attrs
from tinycc_ml.ops.base import Layer, LayerGraph, Numbers


def format_layer_graph(graph: LayerGraph) -> str:
    """One layer a line, with its attributes, numbers and constants."""
    lines = [f"integers {graph.name}({', '.join(graph.inputs)}) {{"]
    lines += [f"  state %{state.value}, then %{state.next}" for state in graph.states]
    lines += [f"  {_format_layer(layer)}" for layer in graph.layers]
    lines += ["  return " + ", ".join(graph.outputs), "}"]
    return "\n".join(lines) + "\n"


def _format_layer(layer: Layer) -> str:
    workload = layer.workload
    outputs = ", ".join(
        f"%{name}: {type_}"
        for name, (_, type_) in zip(layer.outputs, workload.outputs, strict=True)
    )
    constants = ", ".join(
        f"{role}={constant!r}"
        for (role, _), constant in zip(workload.constants, layer.constants, strict=True)
    )
    details = "; ".join(
        part
        for part in (format_attrs(workload.attrs), _format_numbers(workload.numbers), constants)
        if part
    )
    inputs = ", ".join((*layer.inputs, *(f"{value} -> {after}" for value, after in layer.states)))
    return f"{outputs} = {workload.op}({inputs}) {{{details}}}"


def _format_numbers(numbers: Numbers) -> str:
    return ", ".join(f"{f.name}={getattr(numbers, f.name)}" for f in fields(numbers))
