"""``tinycc-ml firmware``: what to flash before `--on serial`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.device import build
from tinycc_ml.cli.output import out, print_json
from tinycc_ml.cli.parameters import (
    FILE,
    board_option,
    cmsis_nn_option,
    compile_options,
    json_option,
    model_argument,
)
from tinycc_ml.compiler import check_fits
from tinycc_ml.errors import OutputError


@click.command("firmware")
@model_argument
@board_option
@click.option("--output", "-o", type=FILE, required=True, help="ELF file to write.")
@cmsis_nn_option
@compile_options
@json_option
def command(
    model: Path,
    board: str,
    output: Path,
    cmsis_nn: Path | None,
    choices: Choices,
    as_json: bool,
) -> None:
    """Build a board's test firmware of MODEL: the model, the harness, the serial protocol.

    Flash it with `tinycc-ml flash`; then `run`, `validate` and `bench --on serial` talk to it.
    """
    compilation = compile_for(model, board, choices)
    check_fits(compilation)
    with tempfile.TemporaryDirectory(prefix="tinycc-ml-") as folder:
        built = build(compilation, "serial", Path(folder), cmsis_nn=cmsis_nn)
        stack_bound_bytes = built.image.stack_bound_bytes(compilation.manifest.name)
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            partial = output.with_name(f".{output.name}.partial")
            shutil.copyfile(built.image.elf, partial)
            partial.replace(output)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"{output}: cannot be written ({reason})") from None
    sizes = {
        "code_bytes": built.code_bytes,
        "weight_bytes": built.weight_bytes,
        "hot_code_bytes": built.hot_code_bytes,
        "hot_weight_bytes": built.hot_weight_bytes,
        "stack_bound_bytes": stack_bound_bytes,
    }
    if as_json:
        print_json("firmware", {"board": compilation.board.name, "file": str(output), **sizes})
        return
    out.print(
        f"{output}: put it on the board with `tinycc-ml flash`, then use --on serial",
        soft_wrap=True,
    )
    if stack_bound_bytes is not None:
        out.print(f"an inference takes at most {stack_bound_bytes:,} bytes of stack")
