"""``tinycc-ml boards``: the boards that are known."""

from __future__ import annotations

import click

from tinycc_ml.cli.output import out, print_json, table
from tinycc_ml.cli.parameters import json_option
from tinycc_ml.targets import list_boards


@click.command("boards")
@json_option
def command(as_json: bool) -> None:
    """List the boards: core, clock, memories, emulator.

    A board of your own is a TOML file given to --board; docs/boards.md tells how to write one.
    """
    boards = list_boards()
    if as_json:
        print_json("boards", {"boards": [board.model_dump(mode="json") for board in boards]})
        return
    rows = [
        (
            board.name,
            board.title,
            board.core,
            f"{board.clock_hz / 1e6:g}" if not board.is_host else None,
            board.flash_bytes // 1024 or None,
            board.ram_bytes // 1024 or None,
            board.emulator.machine if board.emulator else None,
            "yes" if board.firmware else "-",
        )
        for board in boards
    ]
    columns = ["name", "board", "core", ">MHz", ">flash KB", ">RAM KB", "QEMU", "firmware"]
    out.print(table("", columns, rows))
