"""What a graph pass is, and the manager that runs a list of them.

A pass is a frozen dataclass whose fields are its options and whose docstring says ``Given:`` and
``Result:``. It is called with a graph and returns a graph; the same object returned means that
nothing changed. Whatever it declines to do, it says with a :class:`Refusal`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tinycc_ml.graph.difference import describe_changes
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
class Repeat:
    """Passes that run one after the other, again and again, until none finds anything to do.

    What one of them does may give another something to do. Only what they declined in the last
    round is reported: what an earlier one declined may have been done later.

    Attributes:
        passes: In this order.
        most_rounds: Behind so many it stops, whether anything is left to do or not.
    """

    passes: tuple[Pass, ...]
    most_rounds: int = 64


@dataclass(frozen=True, slots=True)
class PassRecord:
    """What one run of a pass did.

    Attributes:
        name: The pass.
        changed: Whether it did anything.
        nodes_before: Nodes of the graph it was given.
        nodes_after: ... of the graph it returned.
        changes: What is different, one line for each node and value.
    """

    name: str
    changed: bool
    nodes_before: int
    nodes_after: int
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PassReport:
    """What a list of passes did and what it declined to do."""

    records: tuple[PassRecord, ...]
    refusals: tuple[Refusal, ...]

    def __add__(self, other: PassReport) -> PassReport:
        """Both, one after the other."""
        return PassReport(self.records + other.records, self.refusals + other.refusals)


#: Called behind each pass that changed something.
Watch = Callable[[PassRecord, Graph], None]


def run_passes(
    graph: Graph, passes: Sequence[Pass | Repeat], watch: Watch | None = None
) -> tuple[Graph, PassReport]:
    """Runs the passes in order, verifying after each.

    Args:
        graph: What to begin with.
        passes: What to run.
        watch: Told of every pass that changed something, with its result.

    Raises:
        InternalError: If a pass leaves a graph that breaks an invariant.
    """
    report = PassReport((), ())
    for pass_ in passes:
        if isinstance(pass_, Repeat):
            graph, part = _repeated(graph, pass_, watch)
        else:
            graph, part = _run(graph, pass_, watch)
        report += part
    return graph, report


def _repeated(graph: Graph, repeat: Repeat, watch: Watch | None) -> tuple[Graph, PassReport]:
    records: tuple[PassRecord, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    for _ in range(repeat.most_rounds):
        before = graph
        graph, report = run_passes(graph, repeat.passes, watch)
        records, refusals = records + report.records, report.refusals
        if graph is before:
            break
    return graph, PassReport(records, refusals)


def _run(graph: Graph, pass_: Pass, watch: Watch | None) -> tuple[Graph, PassReport]:
    refusals: list[Refusal] = []
    result = pass_(graph, refusals.append)
    changed = result is not graph
    changes: tuple[str, ...] = ()
    if changed:
        changes = tuple(describe_changes(graph, verify_graph(result)))
    record = PassRecord(pass_.name, changed, len(graph.nodes), len(result.nodes), changes)
    if changed and watch is not None:
        watch(record, result)
    return result, PassReport((record,), tuple(refusals))
