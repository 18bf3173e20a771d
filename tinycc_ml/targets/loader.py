"""Reads board files. Every mistake in one becomes a `BoardError` of one line.

Pydantic takes a fifth of a second to import, so it is imported when the first board is read and
not with the command line.
"""

from __future__ import annotations

import difflib
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinycc_ml._resources import resource_dir
from tinycc_ml.errors import BoardError
from tinycc_ml.targets.complaint import complaint, printable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from tinycc_ml.targets.board import Board

MAX_FILE_BYTES = 64 * 1024


def load_board(name_or_path: str) -> Board:
    """Loads one board.

    Args:
        name_or_path: A name that `list_boards` knows, a PlatformIO board id of one of them, or the
            path of a board file (anything that ends in `.toml` or holds a path separator).

    Raises:
        BoardError: If the board is unknown or its file is wrong.
    """
    if name_or_path.endswith(".toml") or "/" in name_or_path or "\\" in name_or_path:
        return _load_file(Path(name_or_path))
    if name_or_path in _bundled():
        return _load_bundled(name_or_path)
    for board in list_boards():
        if board.platformio is not None and board.platformio.board == name_or_path:
            return board
    raise BoardError(f"board {printable(name_or_path)}: not known; {_nearest(name_or_path)}")


def parse_board(text: str, where: str) -> Board:
    """A board from the text of its file.

    Args:
        text: TOML.
        where: What messages call it.

    Raises:
        BoardError: If it is wrong.
    """
    try:
        return _validated(tomllib.loads(text), printable(where))
    except ValueError as error:
        raise BoardError(f"{printable(where)}: not valid TOML: {printable(str(error))}") from None


def list_boards() -> tuple[Board, ...]:
    """All boards that come with tinycc-ml, by name."""
    return tuple(_load_bundled(name) for name in sorted(_bundled()))


@cache
def _bundled() -> dict[str, Path]:
    return {path.stem: path for path in resource_dir("boards").glob("*.toml")}


@cache
def _load_bundled(name: str) -> Board:
    return _load_file(_bundled()[name])


def _nearest(name: str) -> str:
    near = difflib.get_close_matches(name[:80].lower().replace("_", "-"), _bundled(), 3, 0.5)
    hint = f"nearest: {', '.join(near)}; " if near else ""
    return f"{hint}list all with: tinycc-ml boards"


def _load_file(path: Path) -> Board:
    board = _parse(path)
    if board.emulator is not None:
        _check_emulator(board, path)
    return board


def _parse(path: Path) -> Board:
    return _validated(_read(path), _where(path))


def _validated(data: dict[str, Any], where: str) -> Board:
    from pydantic import ValidationError

    from tinycc_ml.targets.board import Board

    try:
        return Board.model_validate(data)
    except ValidationError as error:
        raise BoardError(f"{where}: {complaint(error)}", details=str(error)) from None
    except RecursionError:
        raise BoardError(f"{where}: nested too deeply to be a board file") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise BoardError(f"{_where(path)}: no such board file; list all with: tinycc-ml boards")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BoardError(f"{_where(path)}: cannot be read: {printable(str(error))}") from None
    if len(data) > MAX_FILE_BYTES:
        raise BoardError(f"{_where(path)}: too large for a board file; allowed 64 KiB")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BoardError(
            f"{_where(path)}: byte {error.start} is not UTF-8; save the file as UTF-8"
        ) from None
    # ValueError covers TOMLDecodeError and integers too long for Python.
    except (ValueError, RecursionError) as error:
        reason = printable(str(error)) or "nested too deeply"
        raise BoardError(f"{_where(path)}: not valid TOML: {reason}") from None


def _check_emulator(board: Board, path: Path) -> None:
    """Checks that the board which lends its firmware exists and has one that QEMU can run."""
    assert board.emulator is not None
    lender = board.emulator.firmware_of
    if lender != board.name and lender not in _bundled():
        raise BoardError(
            f"{_where(path)}: emulator.firmware_of: board '{lender}' is not known; "
            f"{_nearest(lender)}"
        )
    program = board.emulator.program
    if not _runs_in(program, board if lender == board.name else _parse(_bundled()[lender])):
        able = [b.name for b in map(_parse, _bundled().values()) if _runs_in(program, b)]
        raise BoardError(
            f"{_where(path)}: emulator.firmware_of: '{lender}' has no firmware for {program}; "
            f"allowed {', '.join(sorted(able))}"
        )


def _runs_in(program: str, board: Board) -> bool:
    emulator = board.emulator
    return (
        board.firmware is not None
        and emulator is not None
        and emulator.program == program
        and emulator.firmware_of == board.name
    )


def _where(path: Path) -> str:
    return printable(str(path))
