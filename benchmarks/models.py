"""Instructions, flash and RAM of whole models on the emulated cores, against a baseline.

    python benchmarks/models.py                 # print the table, fail if anything is 1 % worse
    python benchmarks/models.py --update        # and make what was measured the new baseline

How it measures: each model is compiled with the defaults of `tinycc-ml gen`, built with the board's
own compiler flags at -O2, and run once in QEMU under `-icount shift=0`, where one instruction is
one nanosecond of virtual time, so that the counts are exact and repeat. They are instructions, not
cycles: no emulator here knows flash wait states, dual issue or stalls. Code is .text + .rodata of
the generated functions, weights are all constants, the stack is measured by painting.

The bundled example is always run; the INT8 models of MLPerf Tiny where `../shared` is present.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tinycc_ml.cli.device import session
from tinycc_ml.compiler import compile_model
from tinycc_ml.runner import measure
from tinycc_ml.targets import load_board

REPOSITORY = Path(__file__).resolve().parent.parent
BASELINE = REPOSITORY / "benchmarks" / "baseline.json"
MODELS = {
    "digits": REPOSITORY / "examples" / "digits" / "digits.tflite",
    **{
        name: REPOSITORY.parent / "shared" / "data" / "models" / f"{file}.tflite"
        for name, file in {
            "ic": "pretrainedResnet_quant",
            "kws": "kws_ref_model",
            "vww": "vww_96_int8",
            "ad": "ad01_int8",
            "str_ww": "str_ww_ref_model",
        }.items()
    },
}
BOARDS = ("nucleo-g0b1re", "mps2-an385", "mps2-an386", "mps2-an500", "mps3-an547")
TOLERANCE = 0.01

Figures = dict[str, int]


def run(model: Path, board: str) -> Figures:
    """Measures one model on one board."""
    compilation = compile_model(model, load_board(board))
    with session(compilation, "qemu", None) as running:
        measured = measure(running.device, 1)
        assert running.built is not None
        return {
            "instructions": measured.total,
            "code_bytes": running.built.code_bytes,
            "weight_bytes": compilation.manifest.weight_bytes,
            "arena_bytes": compilation.manifest.arena_bytes,
            "stack_bytes": measured.stack_bytes,
        }


def worse(found: Figures, expected: Figures) -> list[str]:
    """What is more than the tolerance above the baseline."""
    return [
        f"{key} {expected[key]:,} -> {value:,} (+{value / expected[key] - 1:.1%})"
        for key, value in found.items()
        if key in expected and value > expected[key] * (1 + TOLERANCE)
    ]


def main() -> int:
    """Runs everything; 1 when something became worse."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--update", action="store_true", help="store the figures as the baseline")
    parser.add_argument("--board", action="append", choices=BOARDS, help="only this board")
    parser.add_argument("--model", action="append", choices=list(MODELS), help="only this model")
    arguments = parser.parse_args()
    baseline: dict[str, Figures] = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    found: dict[str, Figures] = {}
    problems: list[str] = []
    table = Table("model", "board", *(("instructions", "code", "weights", "arena", "stack")))
    for name in arguments.model or MODELS:
        if not MODELS[name].exists():
            print(f"{name}: {MODELS[name].name} is not here, left out", file=sys.stderr)
            continue
        for board in arguments.board or BOARDS:
            figures = found[f"{name} {board}"] = run(MODELS[name], board)
            problems += [
                f"{name} on {board}: {p}"
                for p in worse(figures, baseline.get(f"{name} {board}", {}))
            ]
            table.add_row(name, board, *(f"{value:,}" for value in figures.values()))
    Console(width=100).print(table)
    for problem in problems:
        print(f"worse: {problem}", file=sys.stderr)
    if arguments.update:
        BASELINE.write_text(json.dumps(baseline | found, indent=1, sort_keys=True) + "\n")
    return 1 if problems and not arguments.update else 0


if __name__ == "__main__":
    sys.exit(main())
