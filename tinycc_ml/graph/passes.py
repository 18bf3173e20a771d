"""What a graph pass is, and the manager that runs a list of them.

A pass is a frozen dataclass whose fields are its options and whose docstring says ``Given:`` and
``Result:``. It is called with a graph and returns a graph; the same object returned means that
nothing changed. Whatever it declines to do, it says with a :class:`Refusal`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tinycc_ml.graph.graph import Graph
from tinycc_ml.graph.verifier import verify_graph


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rewrite that was possible by its pattern, but was not done, and why."""

    rule: str
    node: str
    reason: str


RefusalLog = Callable[[Refusal], None]


class Pass(Protocol):
    """A graph pass."""

    @property
    def name(self) -> str:
        """The name in dumps and reports."""
        ...

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        """Rewrites the graph; returns the same object when there is nothing to do."""
        ...


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one pass did."""

    name: str
    changed: bool
    nodes_before: int
    nodes_after: int


@dataclass(frozen=True, slots=True)
class PassReport:
    """What a list of passes did and what it declined to do."""

    records: tuple[PassRecord, ...]
    refusals: tuple[Refusal, ...]


def run_passes(graph: Graph, passes: Sequence[Pass]) -> tuple[Graph, PassReport]:
    """Runs the passes in order, verifying after each.

    Raises:
        InternalError: If a pass leaves a graph that breaks an invariant.
    """
    records: list[PassRecord] = []
    refusals: list[Refusal] = []
    for pass_ in passes:
        result = verify_graph(pass_(graph, refusals.append))
        records.append(
            PassRecord(pass_.name, result is not graph, len(graph.nodes), len(result.nodes))
        )
        graph = result
    return graph, PassReport(tuple(records), tuple(refusals))
