"""``tinycc-ml selftest``: is the board there, is the line good, does the firmware run."""

from __future__ import annotations

from dataclasses import asdict

import click

from tinycc_ml.cli.device import choose_port
from tinycc_ml.cli.output import out, print_json, status
from tinycc_ml.cli.parameters import board_option, json_option, port_option
from tinycc_ml.runner import check_board, open_device
from tinycc_ml.targets import load_board


@click.command("selftest")
@board_option
@port_option
@json_option
def command(board: str, port: str | None, as_json: bool) -> None:
    """Check a board that runs a firmware of ours, whichever model it holds.

    Takes at most about ten seconds: bytes there and back, then inferences on zeros, which all
    have to give the same outputs.
    """
    target = load_board(board)
    port = choose_port(target, port)
    with status(f"checking {port}"), open_device(None, target, "serial", port) as device:
        found = check_board(device)
    if as_json:
        print_json("selftest", {"board": target.name, "port": port, **asdict(found)})
        return
    clock = f" at {found.clock_hz / 1e6:g} MHz" if found.clock_hz else ""
    out.print(f"{target.name} on {port}: {found.model}{clock}", soft_wrap=True, markup=False)
    out.print(f"line: {found.bytes_per_second:,} bytes/s, {found.repeats} requests repeated")
    out.print(
        f"{found.runs} inferences, all alike: {found.shortest:,} to {found.longest:,} units of "
        f"1/{found.units_per_second:,} s; stack {found.stack_used_bytes:,} of "
        f"{found.stack_bytes:,} bytes",
        soft_wrap=True,
    )
