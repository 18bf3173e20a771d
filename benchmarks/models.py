"""Instructions, estimated cycles, flash and RAM of whole models on the emulated cores.

    python -m benchmarks.models             # print the table; 1 if anything is 1 % worse
    python -m benchmarks.models --update    # and make it the baseline and the table in the docs

How it measures, and what that leaves out, is told in docs/benchmarks.md. The bundled example is
always run, the INT8 models of MLPerf Tiny where `../shared` is present. Results are stored in
`out/benchmarks/models.json`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import baseline as base
from benchmarks.cases import BOARDS, MODELS, REPOSITORY, Case, all_cases
from benchmarks.measure import COLUMNS, Figures, compiler_version, run
from benchmarks.tables import update_document
from tinycc_ml.errors import TinyccError
from tinycc_ml.runner.cycles import missing_for_plugins

RESULTS = REPOSITORY / "out" / "benchmarks" / "models.json"


def measure_all(cases: Sequence[Case]) -> tuple[dict[str, Figures], list[str]]:
    """Runs the cases one after the other and says how far it is; figures, and what failed."""
    found: dict[str, Figures] = {}
    failed: list[str] = []
    for number, case in enumerate(cases, 1):
        start_s = time.monotonic()
        print(f"[{number}/{len(cases)}] {case} ...", end=" ", file=sys.stderr, flush=True)
        try:
            figures = found[str(case)] = run(case)
        except TinyccError as error:
            failed.append(f"{case}: {error}")
            print(f"failed: {error}", file=sys.stderr)
            continue
        cycles = figures.get("cycles_estimate")
        estimated = f", {cycles:,} cycles" if cycles else ""
        took_s = time.monotonic() - start_s
        line = f"{figures['instructions']:,} instructions{estimated}  ({took_s:.0f} s)"
        print(line, file=sys.stderr, flush=True)
    return found, failed


def compare(found: dict[str, Figures], stored: dict[str, Any], compiler: str) -> list[str]:
    """What is worse than the baseline, if the same compiler made both."""
    if stored["compiler"] != compiler:
        made_by = stored["compiler"] or "nothing yet"
        print(f"not compared: the baseline is of {made_by}, this is {compiler}", file=sys.stderr)
        return []
    return [
        f"{case}: {problem}"
        for case, figures in found.items()
        for problem in base.worse(figures, stored["cases"].get(case, {}))
    ]


def show(found: dict[str, Figures], cases: Sequence[Case]) -> None:
    """Prints the table."""
    table = Table("model", "core", "options")
    for title in COLUMNS.values():
        table.add_column(title, justify="right")
    for case in cases:
        figures = found.get(str(case))
        if figures:
            cells = (f"{figures[key]:,}" if key in figures else "-" for key in COLUMNS)
            table.add_row(case.model, BOARDS[case.board], case.variant, *cells)
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs everything that was asked for; 1 if something failed or became worse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--update", action="store_true", help="store the figures as the baseline")
    parser.add_argument("--board", action="append", choices=BOARDS, help="only this board")
    parser.add_argument("--model", action="append", choices=MODELS, help="only this model")
    options = parser.parse_args(arguments)
    wanted = [
        case
        for case in all_cases()
        if case.model in (options.model or MODELS) and case.board in (options.board or BOARDS)
    ]
    for name in sorted({case.model for case in wanted if not case.is_here}):
        print(f"{name}: {MODELS[name].name} is not here, left out", file=sys.stderr)
    cases = [case for case in wanted if case.is_here]
    missing = missing_for_plugins()
    if missing and options.update:
        print(f"a baseline without cycles would hide losses: {missing}", file=sys.stderr)
        return 1
    compiler, stored = compiler_version(), base.load()
    found, problems = measure_all(cases)
    show(found, cases)
    base.store({"compiler": compiler, "cases": found}, RESULTS)
    if options.update:
        kept = stored["cases"] if stored["compiler"] == compiler else {}
        known = {str(case) for case in all_cases()}
        merged = {case: figures for case, figures in {**kept, **found}.items() if case in known}
        base.store({"compiler": compiler, "cases": merged})
        update_document(merged)
    else:
        problems += [f"worse: {line}" for line in compare(found, stored, compiler)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
