"""``tinycc-ml validate``: every output against the reference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.device import session
from tinycc_ml.cli.output import err, is_terminal, out, print_json
from tinycc_ml.cli.parameters import (
    FILE,
    board_option,
    compile_options,
    device_options,
    json_option,
    model_argument,
    sequence_option,
)
from tinycc_ml.ops import integerize
from tinycc_ml.runner import Place, Validation, choose_reference, load_samples, validate


@click.command("validate")
@model_argument
@board_option
@device_options
@click.option(
    "--data", "-d", type=FILE, required=True, help="Samples: .npz with inputs and labels."
)
@click.option(
    "--reference",
    type=click.Choice(["auto", "tflm", "numpy"]),
    default="auto",
    show_default=True,
    help="TensorFlow Lite Micro (package tflite-micro), or our own NumPy arithmetic.",
)
@sequence_option
@compile_options
@json_option
def command(
    model: Path,
    board: str,
    on: Place | None,
    port: str | None,
    cmsis_nn: Path | None,
    data: Path,
    reference: str,
    sequence: bool,
    choices: Choices,
    as_json: bool,
) -> None:
    """Compare every output byte of MODEL with TensorFlow Lite Micro's.

    Floats may differ by 1e-05 times the largest magnitude of the output.

    The data file is a .npz with `inputs` (samples first; input0, input1 ... for several inputs),
    in the model's own element type, and optionally `labels`. Exit code 1 on any mismatch; the first
    differing layer and element are named.
    """
    compilation = compile_for(model, board, choices)
    samples = load_samples(data, compilation.manifest.inputs)
    # As the file has it, so that a fault of a graph pass cannot hide on both sides.
    chosen = choose_reference(reference, model.read_bytes(), integerize(compilation.imported))
    with (
        session(compilation, on, port, cmsis_nn=cmsis_nn) as running,
        _progress(len(samples)) as progress,
    ):
        result = validate(
            running.device,
            compilation.manifest,
            compilation.integers,
            samples,
            chosen,
            progress,
            sequence=sequence,
        )
        place = running.on
    if as_json:
        manifest = compilation.manifest
        head = {"name": manifest.name, "board": manifest.board, "on": place}
        print_json("validate", {**head, "reference": chosen.name, **_result(result)})
    else:
        _print(result, chosen.name, f"{compilation.manifest.board} ({place})")
    if result.identical != result.total:
        sys.exit(1)


def _result(result: Validation) -> dict[str, Any]:
    mismatch = None
    if result.first_mismatch is not None:
        sample, difference = result.first_mismatch
        mismatch = {
            "sample": sample,
            "layer": difference.where,
            "index": list(difference.index),
            "found": difference.found,
            "expected": difference.expected,
            "differing": difference.count,
            "elements": difference.elements,
        }
    labelled = result.correct is not None
    return {
        "identical": result.identical,
        "total": result.total,
        "tolerance": result.tolerance,
        "labelled": labelled,
        "correct": result.correct,
        "accuracy": result.correct / result.total if result.correct is not None else None,
        "first_mismatch": mismatch,
    }


def _print(result: Validation, reference: str, place: str) -> None:
    oracle = {"tflm": "TensorFlow Lite Micro", "numpy": "the NumPy reference"}[reference]
    style = "green" if result.identical == result.total else "red"
    how = "identical[/] to"
    if result.tolerance is not None:
        how = f"within {result.tolerance:g} relative[/] of"
    out.print(f"[{style}]{result.identical}/{result.total} {how} {oracle}, on {place}")
    if result.correct is not None:
        share = result.correct / result.total
        out.print(f"{result.correct} of {result.total} right ({share:.1%})")
    if result.first_mismatch is not None:
        sample, difference = result.first_mismatch
        out.print(f"first mismatch: sample {sample}: {difference}", markup=False)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    if not is_terminal():
        yield lambda done: None
        return
    bar = Progress(
        "validating", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=err
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.update(task, completed=done)
