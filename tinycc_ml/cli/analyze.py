"""``tinycc-ml analyze``: what a model is and needs, before any build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.output import out, print_json, shape_text, status, table
from tinycc_ml.cli.parameters import compile_options, json_option, model_argument
from tinycc_ml.cli.pass_report import passes_as_data, print_passes
from tinycc_ml.compiler import Compilation, curve, fit_problems, ram_block_bytes
from tinycc_ml.errors import DoesNotFitError
from tinycc_ml.memplan import Streamed, plan_method


@click.command("analyze")
@model_argument
@click.option("--board", "-b", default="host", help="Also tell whether it fits this board.")
@click.option("--passes", is_flag=True, help="Also tell what each graph pass changed.")
@compile_options
@json_option
def command(
    model: Path,
    board: str,
    passes: bool,
    choices: Choices,
    as_json: bool,
) -> None:
    """Show MODEL's operators, shapes, MACs and bytes, and whether it fits a board.

    Needs no compiler and no board. Exit code 1 when the model does not fit. Code and stack come on
    top of what is shown; `bench` measures them.
    """
    compilation = compile_for(model, board, choices)
    problems = fit_problems(compilation)
    with status("planning from the fastest to the smallest arena"):
        plans = [_point(streamed) for streamed in curve(compilation)]
    if as_json:
        result = {**_result(compilation, problems), "curve": plans}
        print_json("analyze", {**result, **passes_as_data(compilation.passes)})
    else:
        if passes:
            print_passes(compilation.passes)
        _print(compilation, problems)
        _print_curve(plans)
    if problems:
        manifest = compilation.manifest
        raise DoesNotFitError(
            f"{manifest.model_file} does not fit {manifest.board}: {'; '.join(problems)}"
        )


def _result(compilation: Compilation, problems: tuple[str, ...]) -> dict[str, Any]:
    manifest, board = compilation.manifest, compilation.board
    return {
        "name": manifest.name,
        "board": None if board.is_host else board.name,
        "fits": not problems,
        "problems": list(problems),
        "model_bytes": compilation.model_bytes,
        "macs": manifest.macs,
        "plan_method": manifest.plan_method,
        "arena_bytes": manifest.arena_bytes,
        "activation_bytes": manifest.activation_bytes,
        "scratch_bytes": manifest.scratch_bytes,
        "lower_bound_bytes": manifest.lower_bound_bytes,
        "gap_bytes": manifest.gap_bytes,
        "state_bytes": manifest.state_bytes,
        "weight_bytes": manifest.weight_bytes,
        "code_bytes_estimate": compilation.program.code_bytes_estimate,
        "layers": [
            {
                "name": layer.name,
                "op": layer.op,
                "origin": layer.origin,
                "input_shapes": [list(s) for s in layer.input_shapes],
                "output_shapes": [list(s) for s in layer.output_shapes],
                "macs": layer.macs,
                "weight_bytes": layer.weight_bytes,
                "kernel": layer.kernel,
            }
            for layer in manifest.layers
        ],
    }


def _print(compilation: Compilation, problems: tuple[str, ...]) -> None:
    manifest, board = compilation.manifest, compilation.board
    rows = [
        (
            index,
            layer.op,
            " ".join(shape_text(s) for s in layer.input_shapes),
            " ".join(shape_text(s) for s in layer.output_shapes),
            layer.macs or None,
            layer.weight_bytes or None,
            layer.origin[-32:],
        )
        for index, layer in enumerate(manifest.layers)
    ]
    columns = [">#", "operator", "input", "output", ">MACs", ">constant bytes", "source layer"]
    out.print(table(f"{manifest.model_file}", columns, rows))
    out.print(f"MACs               {manifest.macs:>12,}")
    out.print(f"constants          {manifest.weight_bytes:>12,} bytes of flash")
    code_bytes = compilation.program.code_bytes_estimate
    out.print(f"code, estimated    {code_bytes:>12,} bytes of flash")
    proof = "optimal" if not manifest.gap_bytes else f"gap {manifest.gap_bytes:,}"
    out.print(
        f"arena              {manifest.arena_bytes:>12,} bytes of RAM, lower bound "
        f"{manifest.lower_bound_bytes:,} ({proof}), where it is fullest "
        f"{manifest.activation_bytes:,} of activations"
    )
    if manifest.states:
        out.print(
            f"state              {manifest.state_bytes:>12,} bytes of RAM, kept between inferences"
        )
    out.print(f"memory plan        {manifest.plan_method}")
    if not board.is_host and not problems:
        ram_bytes = manifest.arena_bytes + manifest.state_bytes
        out.print(
            f"fits {board.name}: {ram_bytes:,} of {ram_block_bytes(board):,} bytes of RAM, "
            f"about {manifest.weight_bytes + code_bytes:,} of {board.flash_bytes:,} bytes of flash"
        )


def _point(streamed: Streamed) -> dict[str, Any]:
    """A plan of the curve, as JSON has it."""
    calls = streamed.program.calls
    return {
        "arena_bytes": streamed.plan.arena_bytes,
        "scratch_bytes": max((call.scratch_bytes for call in calls), default=0),
        "cycles_estimate": streamed.program.cycles,
        "plan_method": plan_method(streamed.program, streamed.plan),
        "groups": [[layer.layer for layer in call.group] for call in calls if call.group],
    }


def _print_curve(plans: Sequence[Mapping[str, Any]]) -> None:
    fastest = max(plans[0]["cycles_estimate"], 1)
    rows = [
        (
            plan["arena_bytes"],
            plan["scratch_bytes"],
            plan["cycles_estimate"],
            f"{plan['cycles_estimate'] / fastest - 1:+.1%}",
            "; ".join(_ends(group) for group in plan["groups"]) or plan["plan_method"],
        )
        for plan in plans
    ]
    columns = [">arena", ">of it scratch", ">estimated cycles", ">", "row by row"]
    out.print(table("RAM against time", columns, rows))


def _ends(group: Sequence[str]) -> str:
    """The first and the last layer of a group."""
    return group[0] if len(group) == 1 else f"{group[0]} to {group[-1]}"
