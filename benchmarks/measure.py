"""Measures one case: compile, build, run once in QEMU."""

from __future__ import annotations

import subprocess

from benchmarks.cases import MODELS, VARIANTS, Case
from tinycc_ml.cli.device import session
from tinycc_ml.compiler import compile_model
from tinycc_ml.runner import measure
from tinycc_ml.targets import load_board

#: Figures of a case, smaller being better. `cycles_estimate` is missing where there is none.
Figures = dict[str, int]
COLUMNS = {
    "instructions": "instructions",
    "cycles_estimate": "est. cycles",
    "code_bytes": "code",
    "weight_bytes": "weights",
    "arena_bytes": "arena",
    "scratch_bytes": "of it scratch",
    "stack_bytes": "stack",
}


def run(case: Case) -> Figures:
    """Measures one case.

    Raises:
        TinyccError: If the model cannot be compiled, built or run there.
    """
    compilation = compile_model(
        MODELS[case.model], load_board(case.board), **VARIANTS[case.variant].options
    )
    manifest = compilation.manifest
    with session(compilation, "qemu", None, cycles=True) as running:
        measured = measure(running.device, 1)
        counter, built = running.counter, running.built
        cycles = counter.estimate(len(manifest.layers)).total if counter else None
        assert built is not None
        figures = {
            "instructions": measured.total,
            "cycles_estimate": cycles,
            "code_bytes": built.code_bytes,
            "weight_bytes": manifest.weight_bytes,
            "arena_bytes": manifest.arena_bytes,
            "scratch_bytes": manifest.scratch_bytes,
            "stack_bytes": measured.stack_bytes,
        }
    return {key: value for key, value in figures.items() if value is not None}


def compiler_version() -> str:
    """The first line of the cross compiler's `--version`: its code is what is measured."""
    done = subprocess.run(
        ["arm-none-eabi-gcc", "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[0]
