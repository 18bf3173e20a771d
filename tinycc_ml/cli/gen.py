"""``tinycc-ml gen``: a model to a folder of C."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.compiling import Choices, compile_for, compile_together
from tinycc_ml.cli.output import err, out, print_json
from tinycc_ml.cli.parameters import (
    FILE,
    board_option,
    compile_options,
    json_option,
    models_argument,
    name_option,
)
from tinycc_ml.cli.quantizing import calibration_option, calibration_progress, interface_option
from tinycc_ml.compiler import Compilation, check_fits, generate, project_name
from tinycc_ml.emit import EmitOptions, SharedProject, write_project
from tinycc_ml.emit.projects import KIND_NAMES, Files
from tinycc_ml.quant import Calibration, Interface, QuantizeOptions
from tinycc_ml.sharing import generate_shared, shared_project


@click.command("gen")
@models_argument
@board_option
@click.option("--output", "-o", type=FILE, required=True, help="Folder to write; made if missing.")
@name_option
@compile_options
@click.option(
    "--share-arena",
    is_flag=True,
    help="Several models in one folder, in one arena as large as the largest needs: they must not "
    "run at the same time. --name is the prefix of the arena's names [shared].",
)
@click.option(
    "--project",
    type=click.Choice(KIND_NAMES),
    help="Write a whole project around it, for this build system (docs/projects.md).",
)
@click.option(
    "--force",
    is_flag=True,
    help="Replace a folder that tinycc-ml did not write; with --project overwrite its files, but "
    "delete none that is not of the project.",
)
@click.option(
    "--quantize",
    type=click.Choice(["int8", "int4"]),
    help="Quantize a float model first, with --calibration: all of it to int8, or weights to int4. "
    "`tinycc-ml quantize` has more choices.",
)
@calibration_option(required=False)
@interface_option
@click.option("--dump-dir", type=FILE, help="Also write the result of every step as text here.")
@json_option
def command(
    models: tuple[Path, ...],
    board: str,
    output: Path,
    name: str | None,
    choices: Choices,
    share_arena: bool,
    project: str | None,
    force: bool,
    quantize: str | None,
    calibration: Path | None,
    interface: Interface,
    dump_dir: Path | None,
    as_json: bool,
) -> None:
    """Generate standalone C from a model (.tflite, .onnx) for a board.

    Writes NAME.h, NAME.c, NAME_weights.h, NAME_weights.c, manifest.json and a README.md that
    tells how to call it. The folder appears whole or not at all; the same model, board and options
    give the same bytes. Several models go into one folder with --share-arena.

    With --project the folder is a project that builds at once, with a self-test; what was
    generated lies in it as a library. Again into the same folder: what you have changed stays.
    """
    if (quantize is None) != (calibration is None):
        raise click.UsageError("--quantize needs --calibration, and --calibration --quantize")
    if share_arena:
        if quantize is not None:
            raise click.UsageError("--quantize takes one model; not with --share-arena")
        if dump_dir is not None:
            raise click.UsageError("--dump-dir shows one model's steps; not with --share-arena")
        if project is not None:
            raise click.UsageError("--project holds one model; not with --share-arena")
        _generate_together(models, board, output, name, choices, force, as_json)
        return
    if len(models) > 1:
        raise click.UsageError(
            f"{len(models)} models: they need --share-arena, or a folder each by a call of gen each"
        )
    steps: dict[str, str] = {}
    options = QuantizeOptions.of_weights(4 if quantize == "int4" else 8, interface=interface)
    wanted = None if calibration is None else Calibration(calibration, options)
    with calibration_progress() as progress:
        compilation = compile_for(
            models[0],
            board,
            choices,
            name,
            dump=steps.__setitem__,
            calibration=wanted,
            progress=progress,
        )
    # First: the steps of a model that does not fit are worth a look, and no project is written
    # by a command that fails.
    if dump_dir is not None:
        _write_dumps(dump_dir, steps)
    check_fits(compilation)
    files: Files = dict(generate(compilation))
    kept: tuple[str, ...] = ()
    if project is None:
        write_project(output, files, force=force)
    else:
        # Not above: it loads the serial port's package too, for the firmware harness.
        from tinycc_ml.cli.shell import write_shell

        files, kept = write_shell(compilation, project, output, force=force)
    if as_json:
        print_json("gen", {**_result(compilation, output, files), "project": project})
        return
    _print_summary(compilation, output)
    for path in kept:
        err.print(f"{path}: changed by you, left as it is", soft_wrap=True, markup=False)


def _generate_together(
    models: tuple[Path, ...],
    board: str,
    output: Path,
    name: str | None,
    choices: Choices,
    force: bool,
    as_json: bool,
) -> None:
    prefix = project_name(name, "shared")
    compilations = compile_together(models, board, choices, prefix)
    options = EmitOptions(choices.arena, choices.io, prefix)
    project = shared_project(prefix, compilations, options)
    files = generate_shared(project)
    write_project(output, files, force=force)
    if as_json:
        results = [_result(compilation, output, files) for compilation in compilations]
        together = {"name": prefix, "arena_bytes": project.arena_bytes, "models": results}
        print_json("gen", {**together, "output": str(output), "files": sorted(files)})
        return
    _print_shared(project, output)


def _write_dumps(folder: Path, steps: dict[str, str]) -> None:
    from tinycc_ml.errors import OutputError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for step, text in steps.items():
            (folder / f"{step}.txt").write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from None


def _result(compilation: Compilation, output: Path, files: Iterable[str]) -> dict[str, Any]:
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


def _print_shared(project: SharedProject, output: Path) -> None:
    needs = ", ".join(f"{m.name} {m.arena_bytes:,}" for m in project.manifests)
    weight_bytes = sum(manifest.weight_bytes for manifest in project.manifests)
    out.print(
        f"{output}: {len(project.models)} models, one arena of {project.arena_bytes:,} bytes "
        f"({needs}), constants {weight_bytes:,} bytes",
        soft_wrap=True,
    )
    err.print("Only one of them may run at a time; call them as", style="dim", end=" ")
    err.print(f"{output / 'README.md'} tells.", style="dim", soft_wrap=True)
