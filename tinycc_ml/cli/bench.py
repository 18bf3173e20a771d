"""``tinycc-ml bench``: what an inference costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.device import Session, session
from tinycc_ml.cli.output import out, print_json, table
from tinycc_ml.cli.parameters import (
    board_option,
    compile_options,
    device_options,
    json_option,
    model_argument,
)
from tinycc_ml.compiler import Compilation
from tinycc_ml.runner import Measurement, Place, measure


@click.command("bench")
@model_argument
@board_option
@device_options
@click.option("--runs", default=1, show_default=True, type=click.IntRange(1, 10_000))
@compile_options
@json_option
def command(
    model: Path,
    board: str,
    on: Place | None,
    port: str | None,
    runs: int,
    choices: Choices,
    as_json: bool,
) -> None:
    """Measure MODEL: instructions or cycles per inference and per layer, RAM, stack, flash.

    In QEMU instructions are counted, exactly and repeatably; an emulator says nothing about time.
    On a board the core's cycle counter is read. The input is all zeros: the time of the generated
    code does not depend on it by more than a few rounding branches.
    """
    compilation = compile_for(model, board, choices)
    with session(compilation, on, port) as running:
        measured = measure(running.device, runs)
    if as_json:
        print_json("bench", _result(compilation, running, measured, runs))
    else:
        _print(compilation, running, measured)


def _result(
    compilation: Compilation, running: Session, measured: Measurement, runs: int
) -> dict[str, Any]:
    manifest, built = compilation.manifest, running.built
    return {
        "name": manifest.name,
        "board": manifest.board,
        "on": running.on,
        "runs": runs,
        **measured.as_units(measured.total),
        "instructions_resolution": measured.resolution if measured.counts_instructions else None,
        "cycles_estimate": None,
        "plan_method": manifest.plan_method,
        "arena_bytes": manifest.arena_bytes,
        "scratch_bytes": manifest.scratch_bytes,
        "stack_bytes": measured.stack_bytes,
        "code_bytes": built.code_bytes if built else None,
        "weight_bytes": manifest.weight_bytes,
        "macs": manifest.macs,
        "layers": [
            {
                "name": layer.name,
                "op": layer.op,
                "kernel": layer.kernel,
                "macs": layer.macs,
                **measured.as_units(units),
            }
            for layer, units in zip(manifest.layers, measured.layers, strict=True)
        ],
    }


def _print(compilation: Compilation, running: Session, measured: Measurement) -> None:
    manifest, built = compilation.manifest, running.built
    unit = measured.unit
    rows = [
        (
            index,
            layer.name,
            layer.kernel,
            layer.macs or None,
            units,
            f"{units / layer.macs:.2f}" if layer.macs else None,
            f"{units / max(measured.total, 1):.1%}",
        )
        for index, (layer, units) in enumerate(zip(manifest.layers, measured.layers, strict=True))
    ]
    columns = [">#", "layer", "kernel", ">MACs", f">{unit}", ">per MAC", ">share"]
    out.print(table(f"{manifest.name} on {manifest.board} ({running.on})", columns, rows))
    per_mac = f" ({measured.total / manifest.macs:.2f} per MAC)" if manifest.macs else ""
    exact = f", exact to {measured.resolution}" if measured.counts_instructions else ""
    out.print(f"{unit:<18} {measured.total:>12,}{per_mac}{exact}")
    out.print(
        f"arena              {manifest.arena_bytes:>12,} bytes, of it scratch "
        f"{manifest.scratch_bytes:,}"
    )
    out.print(f"stack              {measured.stack_bytes:>12,} bytes")
    if built is not None:
        out.print(f"code               {built.code_bytes:>12,} bytes of flash")
    out.print(f"weights            {manifest.weight_bytes:>12,} bytes of flash")
