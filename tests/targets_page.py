"""Writes the tables of docs/boards.md from the board files.

Run `python -m tests.targets_page` after changing a board; `tests/targets` fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tinycc_ml.targets import Board, list_boards

DOCS = Path(__file__).resolve().parents[1] / "docs"
BOARDS_PAGE = DOCS / "boards.md"
_BOARD_COLUMNS = (
    *("name", "board", "core", "clock", "flash", "data RAM"),
    *("one array at most", "emulated on"),
)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return text.replace(f"| {' | '.join(lines[1])} |", f"|{'---|' * len(columns)}", 1)


def emulated_on(board: Board) -> str:
    """What runs the board's code where the board is not at hand."""
    if board.is_host:
        return "runs directly"
    if board.emulator is None:
        return "-"
    if board.emulator.is_program:
        return board.emulator.program
    prefix = "" if board.emulator.program == "qemu-system-arm" else f"{board.emulator.program} "
    return prefix + board.emulator.machine


def board_table() -> str:
    """One row for each board that comes with tinycc-ml."""
    return table(_BOARD_COLUMNS, map(_board_row, list_boards()))


def boards_page(text: str) -> str:
    """docs/boards.md with the table as it should be."""
    head, rest = text.split("| name | board |", 1)
    _, tail = rest.split("\n\n", 1)
    return f"{head}{board_table()}\n\n{tail}"


def _board_row(board: Board) -> tuple[str, ...]:
    name = (f"`{board.name}`", board.title, board.core)
    if board.is_host or (board.emulator is not None and board.emulator.is_program):
        return (*name, "-", "-", "-", "-", emulated_on(board))
    return (
        *name,
        f"{board.clock_hz / 1e6:g} MHz",
        _size(board.flash_bytes),
        _size(board.ram_bytes),
        _size(board.largest_block_bytes("ram", "dtcm")),
        emulated_on(board),
    )


def _size(size_bytes: int) -> str:
    if size_bytes % 2**20 == 0:
        return f"{size_bytes >> 20} MB"
    return f"{size_bytes / 1024:g} KB"


def main() -> None:
    """Writes the pages."""
    text = BOARDS_PAGE.read_text(encoding="utf-8")
    BOARDS_PAGE.write_text(boards_page(text), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
