"""What the verbs share that quantize: options, and progress on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID

from tinycc_ml.cli.output import err, is_terminal
from tinycc_ml.cli.parameters import FILE
from tinycc_ml.quant import Progress as Listener
from tinycc_ml.quant import no_progress

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

CALIBRATION_HELP = (
    "Samples to calibrate with: .npz with inputs, .npy, or a folder of these. Where a file "
    "holds an array `calibration`, only the samples numbered there are used."
)


def calibration_option(*, required: bool) -> _Decorator:
    """``--calibration``."""
    return click.option("--calibration", type=FILE, required=required, help=CALIBRATION_HELP)


interface_option: _Decorator = click.option(
    "--interface",
    type=click.Choice(["int8", "float32"]),
    default="float32",
    show_default=True,
    help="Element type of the quantized model's inputs and outputs.",
)


@contextmanager
def calibration_progress() -> Iterator[Listener]:
    """A bar on a terminal for what calibration does just now."""
    if not is_terminal():
        yield no_progress
        return
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), console=err, transient=True
    ) as bar:
        tasks: dict[str, TaskID] = {}

        def listener(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield listener
