"""A slice of ONNX's own tests by default, all of them among the slow ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.onnx_backend.cases import file_cases, node_cases
from tests.onnx_backend.coverage import PAGE, page
from tests.onnx_backend.runs import run_cases

#: Modules of node tests, and how many of their tests pass (those written out as functions aside).
_NODES = {
    "averagepool": 10,
    "conv": 5,
    "concat": 12,
    "flatten": 9,
    "gather": 3,
    "relu": 1,
    "softmax": 7,
    "transpose": 7,
}
#: The least that all tests of a kind must reach; the page has the exact figures.
_PASSED = {"node": 929, "simple": 13, "pytorch-converted": 82, "pytorch-operator": 30}


def test_node_tests_of_some_operators(tmp_path: Path) -> None:
    for module, expected in _NODES.items():
        cases = [c for c in node_cases([module]) if c.kind == "node"]
        outcomes = run_cases(cases, tmp_path / module)
        reasons = {o.case.name: o.reason for o in outcomes if o.reason}
        assert len(outcomes) - len(reasons) >= expected, reasons
        assert not [r for r in reasons.values() if r.startswith(("wrong", "internal"))], reasons


@pytest.mark.parametrize("kind", ["simple", "pytorch-operator"])
def test_other_tests(kind: str, tmp_path: Path) -> None:
    outcomes = run_cases(file_cases(kind), tmp_path)
    reasons = {o.case.name: o.reason for o in outcomes if o.reason}
    assert len(outcomes) - len(reasons) >= _PASSED[kind], reasons
    assert not [r for r in reasons.values() if r.startswith(("wrong", "internal"))], reasons


@pytest.mark.slow
def test_the_page_is_that_of_today(tmp_path: Path) -> None:
    cases = [*node_cases(), *(c for k in list(_PASSED)[1:] for c in file_cases(k))]
    outcomes = run_cases(cases, tmp_path)
    for kind, least in _PASSED.items():
        assert sum(not o.reason for o in outcomes if o.case.kind == kind) >= least
    assert not [o for o in outcomes if o.reason.startswith(("wrong", "internal"))]
    assert page(outcomes) == PAGE.read_text(encoding="utf-8")


def test_the_page_lists_a_reason_for_each_that_does_not_pass() -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z, -]+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    assert len(rows) == 5
    failing = sum(int(total) - int(passed) for _, passed, _, total in rows)
    behind = text.partition("## Tests that do not pass")[2]
    assert len(re.findall(r"`\w+`", re.sub(r"^- [^`]*: ", "", behind, flags=re.M))) >= failing
