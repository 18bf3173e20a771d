from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tests.graph.sample import sample
from tinycc_ml.errors import InternalError
from tinycc_ml.graph import Graph, Refusal, RefusalLog, run_passes


@dataclass(frozen=True, slots=True)
class _Rename:
    """Given: any graph. Result: it has this name."""

    to: str

    @property
    def name(self) -> str:
        return f"rename_{self.to}"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        if graph.name == self.to:
            refuse(Refusal(self.name, "n0", "has the name already"))
            return graph
        return replace(graph, name=self.to)


@dataclass(frozen=True, slots=True)
class _DropNodes:
    name: str = "drop"

    def __call__(self, graph: Graph, refuse: RefusalLog) -> Graph:
        return graph.with_nodes(graph.nodes[:1])


def test_passes_run_in_order_and_are_reported() -> None:
    result, report = run_passes(sample(), (_Rename("a"), _Rename("b"), _Rename("b")))
    assert result == sample(name="b")
    assert [(r.name, r.changed) for r in report.records] == [
        ("rename_a", True),
        ("rename_b", True),
        ("rename_b", False),
    ]
    assert [(r.nodes_before, r.nodes_after) for r in report.records] == [(2, 2)] * 3
    assert report.refusals == (Refusal("rename_b", "n0", "has the name already"),)


def test_no_pass_no_change() -> None:
    graph = sample()
    result, report = run_passes(graph, ())
    assert result is graph
    assert report.records == report.refusals == ()


def test_a_pass_that_breaks_the_graph_is_found() -> None:
    with pytest.raises(InternalError, match="output %y is not defined"):
        run_passes(sample(), (_DropNodes(),))
