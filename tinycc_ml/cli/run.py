"""``tinycc-ml run``: inputs in, outputs out."""

from __future__ import annotations

from pathlib import Path

import click

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.device import session
from tinycc_ml.cli.output import out, print_json, shape_text
from tinycc_ml.cli.parameters import (
    FILE,
    board_option,
    compile_options,
    device_options,
    json_option,
    model_argument,
    sequence_option,
)
from tinycc_ml.graph import Array
from tinycc_ml.runner import Place, infer, load_samples, start


@click.command("run")
@model_argument
@board_option
@device_options
@click.option("--input", "-i", "input_file", type=FILE, required=True, help=".npz, .npy or .bin.")
@sequence_option
@compile_options
@json_option
def command(
    model: Path,
    board: str,
    on: Place | None,
    port: str | None,
    cmsis_nn: Path | None,
    input_file: Path,
    sequence: bool,
    choices: Choices,
    as_json: bool,
) -> None:
    """Run MODEL on inputs and print its outputs.

    The file holds one or more samples, in the model's element type: see
    `tinycc-ml validate --help`.
    """
    compilation = compile_for(model, board, choices)
    manifest = compilation.manifest
    samples = load_samples(input_file, manifest.inputs)
    with session(compilation, on, port, cmsis_nn=cmsis_nn) as running:
        results = []
        for number in range(len(samples)):
            if number == 0 or not sequence:
                start(running.device, manifest)
            results.append(infer(running.device, samples.sample(number), manifest.outputs))
        place = running.on
    if as_json:
        rows = [
            [
                {
                    "name": t.name,
                    "shape": list(t.shape),
                    "dtype": t.dtype,
                    "values": array.reshape(-1).tolist(),
                }
                for t, array in zip(manifest.outputs, outputs, strict=True)
            ]
            for outputs in results
        ]
        print_json(
            "run", {"name": manifest.name, "board": manifest.board, "on": place, "samples": rows}
        )
        return
    for number, outputs in enumerate(results):
        for tensor, array in zip(manifest.outputs, outputs, strict=True):
            out.print(f"sample {number} {tensor.name} {shape_text(tensor.shape)}: {_text(array)}")


def _text(array: Array) -> str:
    return " ".join(str(x) for x in array.reshape(-1).tolist())
