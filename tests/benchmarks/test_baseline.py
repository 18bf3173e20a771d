"""Whole models are no slower and no larger than the baseline; and a loss would be noticed."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from benchmarks import baseline, models, tables
from benchmarks.cases import BOARDS, MODELS, SLICE, VARIANTS, Case, all_cases
from benchmarks.measure import COLUMNS, compiler_version, run
from benchmarks.published import RESULTS, TFLM, TITLES
from tests.firmware.test_fake_model import needs_emulator
from tests.shared_data import SHARED, shared_path
from tinycc_ml.errors import DoesNotFitError
from tinycc_ml.targets import load_board

FIGURES = {"instructions": 1000, "cycles_estimate": 1200, "code_bytes": 400, "stack_bytes": 100}


@needs_emulator
@pytest.mark.parametrize("case", SLICE, ids=str)
def test_nothing_is_worse_than_the_baseline(case: Case):
    path = MODELS[case.model]
    if SHARED in path.parents:
        shared_path(str(path.relative_to(SHARED)))
    found, stored = run(case), baseline.load()
    assert set(found) | {"cycles_estimate"} == set(COLUMNS)
    if stored["compiler"] == compiler_version():
        assert str(case) in stored["cases"], "not measured yet: make bench-update"
        aim = VARIANTS[case.variant].aim
        assert baseline.lost(found, stored["cases"][str(case)], aim) == []


def changed(**factors: float) -> dict[str, int]:
    return {key: round(value * factors.get(key, 1)) for key, value in FIGURES.items()}


@pytest.mark.parametrize("key", FIGURES)
def test_more_than_one_percent_is_worse(key: str):
    assert baseline.worse(changed(**{key: 1.01}), FIGURES) == []
    (line,) = baseline.worse(changed(**{key: 1.02}), FIGURES)
    assert line.startswith(f"{key} {FIGURES[key]:,} -> ") and line.endswith("(+2.0%)")


AIM = ("cycles_estimate", "instructions")


@pytest.mark.parametrize("key", FIGURES)
def test_a_loss_is_a_loss_if_nothing_was_gained(key: str):
    assert len(baseline.lost(changed(**{key: 1.02}), FIGURES, AIM)) == 1
    assert baseline.lost(changed(**{key: 0.5}), FIGURES, AIM) == []
    assert len(baseline.lost(changed(instructions=0.995, stack_bytes=1.02), FIGURES, AIM)) == 1


def test_speed_may_be_paid_for_with_flash_but_not_the_other_way():
    assert baseline.lost(changed(instructions=0.98, code_bytes=3), FIGURES, AIM) == []
    assert len(baseline.lost(changed(instructions=1.02, code_bytes=0.1), FIGURES, AIM)) == 1
    assert len(baseline.lost(changed(instructions=0.5, cycles_estimate=1.02), FIGURES, AIM)) == 1
    assert baseline.lost(changed(code_bytes=0.98, stack_bytes=2), FIGURES, ("code_bytes",)) == []


def test_an_improvement_is_not_worse_whatever_its_size():
    assert baseline.worse(dict.fromkeys(FIGURES, 0), FIGURES) == []
    assert baseline.worse(dict.fromkeys(FIGURES, 1), dict.fromkeys(FIGURES, 0)) != []


def test_what_one_side_does_not_know_is_not_compared():
    without = {k: v for k, v in FIGURES.items() if k != "cycles_estimate"}
    assert baseline.worse(without, FIGURES) == baseline.worse(FIGURES, without) == []
    assert baseline.worse(FIGURES, {}) == []


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Results, baseline and document in a folder of the test's own, and no emulator."""
    monkeypatch.setattr(models, "RESULTS", tmp_path / "out" / "models.json")
    for function in (baseline.load, baseline.store):
        patched = tmp_path / "baseline.json"
        monkeypatch.setattr(function, "__defaults__", (patched,))
    monkeypatch.setattr(models, "compiler_version", lambda: "gcc 1")
    monkeypatch.setattr(models, "run", lambda case: changed())
    document = tmp_path / "benchmarks.md"
    shutil.copy(tables.DOCUMENT, document)
    monkeypatch.setattr(tables.update_document, "__defaults__", (document,))
    return tmp_path


ONE = ["--model", "digits", "--board", "mps2-an386"]


def test_a_planted_loss_fails_and_an_update_forgives_it(world, monkeypatch, capsys):
    assert models.main([*ONE, "--update"]) == 0
    assert models.main(ONE) == 0
    monkeypatch.setattr(models, "run", lambda case: changed(cycles_estimate=1.02))
    capsys.readouterr()
    assert models.main(ONE) == 1
    out, err = capsys.readouterr()
    last = err.splitlines()[-1]
    assert last.startswith("worse: digits on mps2-an386, --optimize latency: cycles_estimate 1,200")
    assert "1,224" in out and "digits" in out
    assert models.main([*ONE, "--update"]) == 0
    assert models.main(ONE) == 0
    assert "1,224" in (world / "benchmarks.md").read_text(encoding="utf-8")
    monkeypatch.setattr(models, "run", lambda case: changed(cycles_estimate=0.5, code_bytes=0.1))
    assert models.main(ONE) == 0


def test_results_are_stored(world):
    models.main(ONE)
    stored = json.loads((world / "out" / "models.json").read_text())
    expected = {"compiler": "gcc 1", "cases": {"digits on mps2-an386, --optimize latency": FIGURES}}
    assert stored == expected
    assert not (world / "baseline.json").exists()


def test_another_compiler_is_not_compared(world, monkeypatch, capsys):
    models.main([*ONE, "--update"])
    monkeypatch.setattr(models, "compiler_version", lambda: "gcc 2")
    monkeypatch.setattr(models, "run", lambda case: changed(code_bytes=2))
    assert models.main(ONE) == 0
    assert "not compared: the baseline is of gcc 1, this is gcc 2" in capsys.readouterr().err


def test_an_update_keeps_what_was_not_measured_again(world):
    models.main([*ONE, "--update"])
    models.main(["--model", "digits", "--board", "mps2-an385", "--update"])
    assert len(baseline.load()["cases"]) == 2


def test_an_update_without_cycles_is_refused(world, monkeypatch, capsys):
    monkeypatch.setattr(models, "missing_for_plugins", lambda: "no C compiler")
    assert models.main([*ONE, "--update"]) == 1
    assert capsys.readouterr().err.endswith("would hide losses: no C compiler\n")
    assert not (world / "baseline.json").exists()


def test_a_case_that_fails_does_not_stop_the_others(world, monkeypatch, capsys):
    def run_or_fail(case: Case) -> dict[str, int]:
        if case.board == "mps2-an385":
            raise DoesNotFitError("too large")
        return changed()

    monkeypatch.setattr(models, "run", run_or_fail)
    assert models.main(["--model", "digits"]) == 1
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "digits on mps2-an385, --optimize latency: too large"
    assert out.count("│ digits") == len(BOARDS) - 1


def test_the_tables_in_the_docs_are_those_of_the_baseline(tmp_path):
    copy = tmp_path / "benchmarks.md"
    shutil.copy(tables.DOCUMENT, copy)
    tables.update_document(baseline.load()["cases"], copy)
    assert copy.read_text(encoding="utf-8") == tables.DOCUMENT.read_text(encoding="utf-8")


def test_a_document_without_markers_is_refused(tmp_path):
    (tmp_path / "x.md").write_text("nothing here")
    with pytest.raises(ValueError, match=r"x\.md: no markers for the table ours"):
        tables.update_document({}, tmp_path / "x.md")


def test_cases_are_boards_and_models_that_exist():
    assert set(SLICE) <= set(all_cases())
    assert all(load_board(board).emulator for board in BOARDS)
    assert {r.model for r in RESULTS} | set(TFLM) <= set(TITLES) <= set(MODELS)
    assert {r.core for r in RESULTS} <= set(BOARDS.values())
    if os.environ.get("CI"):
        assert all(case.is_here for case in SLICE)
