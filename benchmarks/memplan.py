"""Arena sizes and planning times on the shared instances, as the tables of docs/memory.md.

Usage: python benchmarks/memplan.py [--data FOLDER] [--steps N] [--sets LETTERS]

The real models (``memplan/*.json``) are planned with the compiler's own settings. minimalloc's
challenging set (``minimalloc/*.csv``) is planned with those and with ``--steps`` steps of search.
Times are in processor time; those of the real models are the best of three.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tinycc_ml.memplan import Budget, MemoryPlan, Overlap, PlannedBuffer, PlanProblem, solve
from tinycc_ml.memplan.portfolio import DEFAULT_BUDGET

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_CAPACITY_BYTES = 1_048_576
_ROUNDS = 3


def _problem(rows: list[dict[str, str]]) -> PlanProblem:
    """Rows of id, lower, upper (the first step that no longer needs the buffer) and size."""
    return PlanProblem(
        tuple(
            PlannedBuffer(str(r["id"]), int(r["size"]), int(r["lower"]), int(r["upper"]) - 1)
            for r in rows
        )
    )


def _overlaps(data: dict[str, Any]) -> tuple[Overlap, ...]:
    """Both directions for a single input; forward for two, as one operator has one direction."""
    sizes = {b["id"]: b["size"] for b in data["buffers"]}
    inputs = Counter(s["op"] for s in data["separations"])
    return tuple(
        Overlap(
            str(s["output"]),
            str(s["input"]),
            s["d_forward"],
            sizes[s["input"]] - sizes[s["output"]] + s["d_backward"]
            if inputs[s["op"]] == 1
            else None,
        )
        for s in data["separations"]
    )


def _timed(problem: PlanProblem, budget: Budget, rounds: int) -> tuple[MemoryPlan, float]:
    times_s = []
    for _ in range(rounds):
        start_s = time.process_time()
        plan = solve(problem, budget)
        times_s.append(time.process_time() - start_s)
    return plan, min(times_s)


def models(folder: Path) -> bool:
    """Print the table of real models; whether all reached their optimum."""
    print("| instance | buffers | optimum | bound | ours | ms |")
    print("|---|--:|--:|--:|--:|--:|")
    all_reached = True
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text())
        plain = _problem(data["buffers"])
        cases = [(data["name"], plain, data.get("optimum", data.get("optimum_plain")))]
        if "separations" in data:
            problem = PlanProblem(plain.buffers, _overlaps(data))
            cases.append((f"{data['name']}, used", problem, data["optimum_overlap"]))
        for name, problem, optimum_bytes in cases:
            plan, time_s = _timed(problem, DEFAULT_BUDGET, _ROUNDS)
            all_reached &= plan.arena_bytes == optimum_bytes
            print(
                f"| {name} | {len(problem.buffers)} | {optimum_bytes:,} "
                f"| {plan.lower_bound_bytes:,} | {plan.arena_bytes:,} | {1000 * time_s:.2f} |"
            )
    return all_reached


def minimalloc(folder: Path, sets: str, steps: int) -> None:
    """Print the table of minimalloc's set, above its capacity in percent."""
    budgets = (DEFAULT_BUDGET, Budget(steps))
    heads = " | ".join(f"{budget.steps:,} steps | s" for budget in budgets)
    print(f"| set | buffers | bound | {heads} |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for path in (folder / f"{letter}.1048576.csv" for letter in sets):
        with path.open(newline="") as file:
            problem = _problem(list(csv.DictReader(file)))
        cells = [path.name.split(".")[0], str(len(problem.buffers))]
        for budget in budgets:
            plan, time_s = _timed(problem, budget, 1)
            if len(cells) == 2:
                cells.append(f"{plan.lower_bound_bytes:,}")
            excess = plan.arena_bytes / _CAPACITY_BYTES - 1
            cells += [f"{plan.arena_bytes:,} ({excess:+.1%})", f"{time_s:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description="Benchmark the memory planner.")
    parser.add_argument("--data", type=Path, default=_SHARED, help="folder of the instances")
    parser.add_argument("--steps", type=int, default=100_000, help="steps for minimalloc's set")
    parser.add_argument("--sets", default="ABCDEFGHIJK", help="which of minimalloc's set")
    options = parser.parse_args()
    if not (options.data / "memplan").is_dir():
        print(f"{options.data}: no memplan folder there; use --data", file=sys.stderr)
        return 1
    all_reached = models(options.data / "memplan")
    print()
    minimalloc(options.data / "minimalloc", options.sets, options.steps)
    return 0 if all_reached else 1


if __name__ == "__main__":
    sys.exit(main())
