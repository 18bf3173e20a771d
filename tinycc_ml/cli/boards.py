"""``tinycc-ml boards``: the boards that are known, and new ones from CMSIS-Packs."""

from __future__ import annotations

from pathlib import Path

import click

from tinycc_ml.cli.output import out, print_json, table
from tinycc_ml.cli.parameters import FILE, json_option
from tinycc_ml.errors import OutputError
from tinycc_ml.targets import list_boards, parse_board


@click.group("boards", invoke_without_command=True)
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the boards: core, clock, memories, emulator.

    A board of your own is a TOML file given to --board; docs/boards.md tells how to write one, and
    `boards add` writes one from a CMSIS-Pack.
    """
    if ctx.invoked_subcommand is not None:
        return
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


@command.command("add")
@click.option("--device", required=True, help="Such as STM32F746ZGTx; DEVICE:CORE with several.")
@click.option("--pack", type=FILE, help="A .pack or .pdsc file [the installed packs].")
@click.option("--output", "-o", type=FILE, help="File to write [DEVICE.toml].")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
def add(device: str, pack: Path | None, output: Path | None, force: bool, as_json: bool) -> None:
    """Write a board file from a CMSIS-Pack: core, clock, floating-point unit, memories.

    No network is asked: the pack is the one given, or one that cpackget, Keil or
    cmsis-pack-manager has installed.
    """
    from tinycc_ml.targets.installed_packs import find_device
    from tinycc_ml.targets.pack_board import board_text
    from tinycc_ml.targets.pdsc import read_device

    name, _, processor = device.partition(":")
    found = find_device(name) if pack is None else read_device(pack, name)
    board = parse_board(text := board_text(found, processor), f"device {found.name}")
    output = output or Path(f"{board.name}.toml")
    if output.suffix != ".toml":
        raise OutputError(f"{output}: a board file's name ends in .toml")
    try:
        with output.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise OutputError(f"{output}: exists; replace it with --force") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{output}: cannot be written ({reason})") from None
    if as_json:
        data = {"file": str(output), "pack": found.pack, "board": board.model_dump(mode="json")}
        print_json("boards", data)
        return
    out.print(
        f"{output}: {board.core} at {board.clock_hz / 1e6:g} MHz, flash {board.flash_bytes:,} "
        f"bytes, RAM {board.ram_bytes:,} bytes; use it as --board {output}",
        soft_wrap=True,
        markup=False,
    )
