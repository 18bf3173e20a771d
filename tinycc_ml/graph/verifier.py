"""Checks the invariants of a graph; runs between all steps of the compiler."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tinycc_ml.dtypes import from_numpy
from tinycc_ml.errors import InternalError
from tinycc_ml.graph.graph import Graph
from tinycc_ml.graph.printer import format_graph

_C_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")


def verify_graph(graph: Graph) -> Graph:
    """Returns the graph unchanged, or raises.

    Raises:
        InternalError: If a value is undefined, defined twice, untyped, if a constant or a state
            does not have the type stated for it, or if a name cannot be part of generated C.
    """
    problem = next(_problems(graph), None)
    if problem is not None:
        raise InternalError(f"graph {graph.name}: {problem}", details=format_graph(graph))
    return graph


def _problems(graph: Graph) -> Iterator[str]:
    if not _C_NAME.match(graph.name):
        yield f"{graph.name!r} is no C identifier"
    yield from _constant_problems(graph)
    yield from _state_problems(graph)
    given = (*graph.inputs, *graph.constants, *(state.value for state in graph.states))
    defined = set(given)
    if len(defined) != len(given):
        yield "an input is listed twice, or is also a constant or a state"
    node_names: set[str] = set()
    for node in graph.nodes:
        if not _C_NAME.match(node.name) or node.name in node_names:
            yield f"node name {node.name!r} is no C identifier or not unique"
        node_names.add(node.name)
        for name in node.inputs:
            if name not in defined:
                yield f"{node.name} reads %{name} before it is defined"
        for name in node.outputs:
            if name in defined:
                yield f"{node.name} defines %{name} a second time"
            defined.add(name)
    for name in graph.results:
        if name not in defined:
            yield f"output %{name} is not defined"
    for name in sorted(defined - set(graph.types)):
        yield f"%{name} has no type"


def _constant_problems(graph: Graph) -> Iterator[str]:
    for name, constant in graph.constants.items():
        type_ = graph.types.get(name)
        if type_ is None:
            continue
        if type_.shape != constant.array.shape or type_.dtype.numpy != constant.array.dtype:
            yield f"@{name} is {constant!r} but has type {type_}"


def _state_problems(graph: Graph) -> Iterator[str]:
    if len({state.next for state in graph.states}) != len(graph.states):
        yield "two states become the same value"
    for state in graph.states:
        type_, array = graph.types.get(state.value), state.initial.array
        if type_ is None:
            continue
        if type_ != graph.types.get(state.next):
            yield f"%{state.value} becomes %{state.next}, which has another type"
        if type_.shape != array.shape or type_.dtype != from_numpy(array.dtype):
            yield f"%{state.value} is {state.initial!r} at first but has type {type_}"
        if state.next in {*graph.inputs, *graph.constants, *(s.value for s in graph.states)}:
            yield f"%{state.value} becomes %{state.next}, which no node computes"
