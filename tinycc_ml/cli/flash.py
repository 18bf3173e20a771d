"""``tinycc-ml flash``: a firmware onto a board."""

from __future__ import annotations

from pathlib import Path

import click

from tinycc_ml.cli.output import out, print_json, status
from tinycc_ml.cli.parameters import FILE, board_option, json_option
from tinycc_ml.runner import FLASH_TOOLS, flash
from tinycc_ml.targets import load_board


@click.command("flash")
@click.argument("firmware", type=FILE)
@board_option
@click.option(
    "--tool",
    type=click.Choice(FLASH_TOOLS),
    help="Which program to use [the first that is installed and knows the board].",
)
@json_option
def command(firmware: Path, board: str, tool: str | None, as_json: bool) -> None:
    """Put FIRMWARE on a board and start it.

    An ELF file (`tinycc-ml firmware`, or of a generated project) goes there through pyOCD, OpenOCD
    or st-flash, the folder of a PlatformIO project through PlatformIO.
    """
    target = load_board(board)
    with status(f"flashing {target.name}"):
        used = flash(firmware, target, tool)
    if as_json:
        print_json("flash", {"board": target.name, "file": str(firmware), "tool": used})
        return
    out.print(f"{target.name}: flashed with {used}", soft_wrap=True)
