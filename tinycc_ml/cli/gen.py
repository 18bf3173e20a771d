"""``tinycc-ml gen``: a model to a folder of C."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.output import err, out, print_json
from tinycc_ml.cli.parameters import (
    FILE,
    board_option,
    compile_options,
    json_option,
    model_argument,
    name_option,
)
from tinycc_ml.compiler import Compilation, check_fits, generate
from tinycc_ml.emit import write_project


@click.command("gen")
@model_argument
@board_option
@click.option("--output", "-o", type=FILE, required=True, help="Folder to write; made if missing.")
@name_option
@compile_options
@click.option("--force", is_flag=True, help="Replace a folder that tinycc-ml did not write.")
@click.option("--dump-dir", type=FILE, help="Also write the result of every step as text here.")
@json_option
def command(
    model: Path,
    board: str,
    output: Path,
    name: str | None,
    choices: Choices,
    force: bool,
    dump_dir: Path | None,
    as_json: bool,
) -> None:
    """Generate standalone C from MODEL (.tflite, .onnx) for a board.

    Writes NAME.h, NAME.c, NAME_weights.h, NAME_weights.c, manifest.json and a README.md that
    tells how to call it. The folder appears whole or not at all; the same model, board and options
    give the same bytes.
    """
    steps: dict[str, str] = {}
    compilation = compile_for(model, board, choices, name, dump=steps.__setitem__)
    # First: the steps of a model that does not fit are worth a look, and no project is written
    # by a command that fails.
    if dump_dir is not None:
        _write_dumps(dump_dir, steps)
    check_fits(compilation)
    files = generate(compilation)
    write_project(output, files, force=force)
    if as_json:
        print_json("gen", _result(compilation, output, files))
        return
    _print_summary(compilation, output)


def _write_dumps(folder: Path, steps: dict[str, str]) -> None:
    from tinycc_ml.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for step, text in steps.items():
            (folder / f"{step}.txt").write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None


def _result(compilation: Compilation, output: Path, files: dict[str, str]) -> dict[str, Any]:
    manifest = compilation.manifest
    return {
        "name": manifest.name,
        "board": manifest.board,
        "output": str(output),
        "files": sorted(files),
        "plan_method": manifest.plan_method,
        "arena_bytes": manifest.arena_bytes,
        "scratch_bytes": manifest.scratch_bytes,
        "state_bytes": manifest.state_bytes,
        "lower_bound_bytes": manifest.lower_bound_bytes,
        "weight_bytes": manifest.weight_bytes,
        "macs": manifest.macs,
        "layers": len(manifest.layers),
    }


def _print_summary(compilation: Compilation, output: Path) -> None:
    manifest = compilation.manifest
    out.print(
        f"{output}: {len(manifest.layers)} layers, {manifest.macs:,} MACs, "
        f"arena {manifest.arena_bytes:,} bytes "
        + ("(optimal), " if manifest.gap_bytes == 0 else f"(gap {manifest.gap_bytes:,}), ")
        + (f"state {manifest.state_bytes:,} bytes, " if manifest.states else "")
        + f"constants {manifest.weight_bytes:,} bytes",
        soft_wrap=True,
    )
    err.print(f"Call it as {output / 'README.md'} tells.", style="dim", soft_wrap=True)
