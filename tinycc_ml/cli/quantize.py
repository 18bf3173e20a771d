"""``tinycc-ml quantize``: a float model to a quantized ONNX file."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.output import out, print_json, table
from tinycc_ml.cli.parameters import FILE, json_option, model_argument
from tinycc_ml.cli.quantizing import calibration_option, calibration_progress, interface_option
from tinycc_ml.compiler import quantize_model
from tinycc_ml.errors import OutputError
from tinycc_ml.exporters import export_onnx
from tinycc_ml.graph import Graph
from tinycc_ml.importers import parse_bindings
from tinycc_ml.quant import METHODS, ROUNDINGS, Calibration, Quantized, QuantizeOptions

_DEFAULTS = QuantizeOptions()


@click.command("quantize")
@model_argument
@calibration_option(required=True)
@click.option("--output", "-o", type=FILE, required=True, help="ONNX file to write.")
@click.option(
    "--weights",
    type=click.Choice(["int8", "int4"]),
    default="int8",
    show_default=True,
    help="Element type of the weights; activations are int8.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default=_DEFAULTS.method,
    show_default=True,
    help="How the range of an activation is chosen.",
)
@click.option(
    "--percentile",
    type=click.FloatRange(50, 100),
    default=_DEFAULTS.percentile,
    show_default=True,
    help="Share of the numbers inside the range, with --method percentile.",
)
@click.option(
    "--equalize/--no-equalize",
    default=_DEFAULTS.equalize,
    show_default=True,
    help="Give channels like ranges across layers first.",
)
@click.option(
    "--rounding",
    type=click.Choice(ROUNDINGS),
    default=_DEFAULTS.rounding,
    show_default=True,
    help="How weights become integers.",
)
@click.option(
    "--correct-bias/--no-correct-bias",
    default=_DEFAULTS.correct_bias,
    show_default=True,
    help="Let biases make up for what quantization does to means.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=Calibration(Path()).most,
    show_default=True,
    help="How many samples are used at most; --seed chooses which.",
)
@click.option("--seed", type=int, default=_DEFAULTS.seed, show_default=True)
@interface_option
@click.option("--shape", multiple=True, metavar="INPUT=1,49,10,1", help="As for `gen`.")
@click.option("--dim", multiple=True, metavar="N=1", help="As for `gen`.")
@json_option
def command(
    model: Path,
    calibration: Path,
    output: Path,
    samples: int,
    weights: str,
    shape: tuple[str, ...],
    dim: tuple[str, ...],
    as_json: bool,
    **choices: Any,
) -> None:
    """Quantize a float MODEL (.onnx, .tflite) to int8 with samples of its inputs.

    The file written is ONNX in QDQ form; `gen` takes it as it takes any model, and computes the
    same integers as `gen MODEL --quantize int8`.
    """
    options = QuantizeOptions.of_weights(4 if weights == "int4" else 8, **choices)
    wanted = Calibration(calibration, options, samples)
    with calibration_progress() as progress:
        quantized = quantize_model(model, wanted, parse_bindings(shape, dim), progress)
    _write(output, export_onnx(quantized.graph))
    if as_json:
        print_json("quantize", _result(quantized, output))
    else:
        _print_summary(quantized, output)


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None


def _result(quantized: Quantized, output: Path) -> dict[str, Any]:
    graph = quantized.graph
    return {
        "name": graph.name,
        "output": str(output),
        "layers": len(graph.nodes),
        "weight_bytes": _constant_bytes(graph),
        "report": [_finite(asdict(layer)) for layer in quantized.layers],
    }


def _finite(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: a layer without noise has no signal to noise ratio."""
    return {k: None if v in (math.inf, -math.inf) else v for k, v in fields.items()}


def _constant_bytes(graph: Graph) -> int:
    return sum(graph.types[name].size_bytes for name in graph.constants)


def _print_summary(quantized: Quantized, output: Path) -> None:
    graph = quantized.graph
    if quantized.layers:
        rows = [
            (r.name, r.op, f"{r.sqnr_db:.1f}", f"{r.low:.4g}", f"{r.high:.4g}", f"{r.clipped:.3%}")
            for r in quantized.layers
        ]
        columns = ("layer", "operator", ">SQNR dB", ">lowest", ">highest", ">clipped")
        title = "On the calibration samples, errors of earlier layers included"
        out.print(table(title, columns, rows))
    text = f"{output}: {len(graph.nodes)} layers, constants {_constant_bytes(graph):,} bytes"
    out.print(text, soft_wrap=True)
