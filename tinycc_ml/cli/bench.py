"""``tinycc-ml bench``: what an inference costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tinycc_ml.cli.compiling import Choices, compile_for
from tinycc_ml.cli.device import Session, session
from tinycc_ml.cli.output import err, out, print_json, table
from tinycc_ml.cli.parameters import (
    board_option,
    compile_options,
    device_options,
    json_option,
    model_argument,
)
from tinycc_ml.compiler import Compilation
from tinycc_ml.dtypes import DType
from tinycc_ml.runner import CycleEstimate, Measurement, Place, measure


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
    cmsis_nn: Path | None,
    runs: int,
    choices: Choices,
    as_json: bool,
) -> None:
    """Measure MODEL: instructions or cycles per inference and per layer, RAM, stack, flash.

    In QEMU instructions are counted, exactly and repeatably, and for some cores cycles without
    wait states are estimated from the instructions that ran. On a board the core's cycle counter
    is read. The input is all zeros: the time of the generated code does not depend on it by more
    than a few rounding branches.
    """
    compilation = compile_for(model, board, choices)
    with session(compilation, on, port, cycles=True, cmsis_nn=cmsis_nn) as running:
        measured = measure(running.device, runs)
        layer_count = len(compilation.manifest.layers)
        estimate = running.counter.estimate(layer_count) if running.counter else None
        bound = (
            running.built.image.stack_bound_bytes(compilation.manifest.name)
            if running.built
            else None
        )
    if running.uncounted:
        err.print(f"no estimate of cycles: {running.uncounted}", soft_wrap=True)
    costs = _Costs(compilation, measured, estimate, bound)
    if as_json:
        print_json("bench", _result(compilation, running, costs, runs))
    else:
        _print(compilation, running, costs)


@dataclass(frozen=True, slots=True)
class _Costs:
    """What was measured and estimated, per layer and in all."""

    compilation: Compilation
    measured: Measurement
    estimate: CycleEstimate | None
    stack_bound_bytes: int | None

    def layers(self) -> list[dict[str, Any]]:
        """One object per layer, as JSON has it."""
        layers = self.compilation.manifest.layers
        estimates = self.estimate.layers if self.estimate else (None,) * len(layers)
        return [
            {
                "name": layer.name,
                "op": layer.op,
                "kernel": layer.kernel,
                "macs": layer.macs,
                **self._costs(units, estimate, layer.macs),
            }
            for layer, units, estimate in zip(layers, self.measured.layers, estimates, strict=True)
        ]

    def total(self) -> dict[str, Any]:
        """The same of the whole inference."""
        total = self.estimate.total if self.estimate else None
        return self._costs(self.measured.total, total, self.compilation.manifest.macs)

    def _costs(self, units: int, estimate: int | None, macs: int) -> dict[str, Any]:
        measured = self.measured.as_units(units)
        cycles = estimate if estimate is not None else measured["cycles"]
        per_cycle = self._macs_per_cycle
        return {
            **measured,
            "cycles_estimate": estimate,
            "cycles_per_mac": round(cycles / macs, 4) if cycles is not None and macs else None,
            "cycles_bound": -(-macs // per_cycle) if per_cycle else None,
        }

    @property
    def _macs_per_cycle(self) -> int:
        """Of int8; 0 where that is not known, or some of the model's are no integers."""
        layers = (layer for layer in self.compilation.integers.layers if layer.macs)
        is_int8 = all(layer.workload.dtype is DType.INT8 for layer in layers)
        return self.compilation.board.core_data.macs_per_cycle if is_int8 else 0


def _result(compilation: Compilation, running: Session, costs: _Costs, runs: int) -> dict[str, Any]:
    manifest, built, measured = compilation.manifest, running.built, costs.measured
    return {
        "name": manifest.name,
        "board": manifest.board,
        "on": running.on,
        "runs": runs,
        **costs.total(),
        "instructions_resolution": measured.resolution if measured.counts_instructions else None,
        "plan_method": manifest.plan_method,
        "arena_bytes": manifest.arena_bytes,
        "activation_bytes": manifest.activation_bytes,
        "scratch_bytes": manifest.scratch_bytes,
        "state_bytes": manifest.state_bytes,
        "stack_bytes": measured.stack_bytes,
        "stack_bound_bytes": costs.stack_bound_bytes,
        "code_bytes": built.code_bytes if built else None,
        "weight_bytes": manifest.weight_bytes,
        "hot_code_bytes": built.hot_code_bytes if built else None,
        "hot_weight_bytes": manifest.hot_weight_bytes,
        "macs": manifest.macs,
        "layers": costs.layers(),
    }


def _print(compilation: Compilation, running: Session, costs: _Costs) -> None:
    manifest, built, measured = compilation.manifest, running.built, costs.measured
    _print_layers(compilation, running, costs)
    per_mac = f" ({measured.total / manifest.macs:.2f} per MAC)" if manifest.macs else ""
    exact = f", exact to {measured.resolution}" if measured.counts_instructions else ""
    out.print(f"{measured.unit:<18} {measured.total:>12,}{per_mac}{exact}")
    if costs.estimate:
        total = costs.estimate.total
        per_mac = f" ({total / manifest.macs:.2f} per MAC)" if manifest.macs else ""
        out.print(f"estimated cycles   {total:>12,}{per_mac}, without wait states")
    out.print(
        f"arena              {manifest.arena_bytes:>12,} bytes, where it is fullest "
        f"{manifest.activation_bytes:,} of activations and "
        f"{manifest.arena_bytes - manifest.activation_bytes:,} of scratch"
    )
    if manifest.states:
        out.print(f"state              {manifest.state_bytes:>12,} bytes, kept between inferences")
    most = costs.stack_bound_bytes
    at_most = f", at most {most:,} in the model's functions" if most is not None else ""
    out.print(f"stack              {measured.stack_bytes:>12,} bytes{at_most}")
    if built is not None:
        out.print(f"code               {built.code_bytes:>12,} bytes of flash")
    out.print(f"weights            {manifest.weight_bytes:>12,} bytes of flash")
    for what, copied in _copied(running):
        out.print(f"{what:<18} {copied:>12,} bytes of RAM too, copied at start-up")


def _print_layers(compilation: Compilation, running: Session, costs: _Costs) -> None:
    manifest, measured = compilation.manifest, costs.measured
    unit = "cycles" if costs.estimate else measured.unit
    rows = []
    for index, (layer, units) in enumerate(zip(costs.layers(), measured.layers, strict=True)):
        main = layer["cycles_estimate"] if costs.estimate else units
        total = costs.estimate.total if costs.estimate else measured.total
        rows.append(
            (
                index,
                layer["name"],
                layer["kernel"],
                layer["macs"] or None,
                *((units,) if costs.estimate else ()),
                main,
                f"{main / layer['macs']:.2f}" if layer["macs"] else None,
                *((layer["cycles_bound"] or None,) if unit == "cycles" else ()),
                f"{main / max(total, 1):.1%}",
            )
        )
    columns = [
        *(">#", "layer", "kernel", ">MACs"),
        *((f">{measured.unit}", ">est. cycles") if costs.estimate else (f">{unit}",)),
        f">{unit}/MAC",
        *((">bound",) if unit == "cycles" else ()),
        ">share",
    ]
    out.print(table(f"{manifest.name} on {manifest.board} ({running.on})", columns, rows))


def _copied(running: Session) -> list[tuple[str, int]]:
    """What of the model's flash takes RAM as well."""
    if running.built is None:
        return []
    built = running.built
    both = (("of code, hot", built.hot_code_bytes), ("of weights, hot", built.hot_weight_bytes))
    return [(what, copied) for what, copied in both if copied]
