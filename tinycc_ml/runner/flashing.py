"""Puts a firmware on a board with whatever tool is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.errors import BoardError, ToolchainError
from tinycc_ml.targets import Board, toolchain_of

_LIMIT_S = 180.0


@dataclass(frozen=True, slots=True)
class _Tool:
    """A program that flashes.

    Attributes:
        command: What it is called by.
        package: How to get it.
        lines: Its command lines for a board, a file and a folder for temporary files; none where
            it cannot flash the board.
    """

    command: str
    package: str
    lines: Callable[[Board, Path, Path], list[list[str]]]


def flash(firmware: Path, board: Board, tool: str | None = None) -> str:
    """Flashes a firmware and starts it.

    Args:
        firmware: An ELF file, or the folder of a PlatformIO project.
        board: The board.
        tool: Which program to use: one of :data:`FLASH_TOOLS`; by default the first that is
            installed and knows the board.

    Returns:
        The program that did it.

    Raises:
        BoardError: If no program can flash this board.
        ToolchainError: If none is installed, or it fails; what it printed is in the details.
    """
    is_project = (firmware / "platformio.ini").is_file()
    if not is_project and not firmware.is_file():
        raise ToolchainError(
            f"{firmware}: there is no such ELF file, nor a PlatformIO project; build it first"
        )
    with tempfile.TemporaryDirectory(prefix="tinycc-ml-") as folder:
        able: list[tuple[_Tool, list[list[str]]]] = []
        for each in (_PLATFORMIO,) if is_project else _ELF_TOOLS:
            lines = each.lines(board, firmware, Path(folder))
            if lines and tool in (None, each.command):
                able.append((each, lines))
        if not able:
            raise BoardError(_unable(board, firmware, tool))
        for each, lines in able:
            if shutil.which(each.command):
                for line in lines:
                    _run(line)
                return each.command
    wanted = ", ".join(f"{each.command} ({each.package})" for each, _ in able)
    raise ToolchainError(f"{board.name}: nothing to flash it with is installed; one of {wanted}")


def _unable(board: Board, firmware: Path, tool: str | None) -> str:
    if tool is not None:
        return f"{board.name}: {tool} cannot flash {firmware} on this board; leave out --tool"
    return (
        f"{board.name}: it is not known how to flash this board (no [debug] in its file); use its "
        "vendor's tool"
    )


def _platformio(_board: Board, firmware: Path, _folder: Path) -> list[list[str]]:
    return [["pio", "run", "--project-dir", str(firmware), "--target", "upload"]]


def _pyocd(board: Board, firmware: Path, _folder: Path) -> list[list[str]]:
    if board.debug is None or board.debug.pyocd is None:
        return []
    target = ["--target", board.debug.pyocd]
    return [
        ["pyocd", "flash", *target, "--format", "elf", str(firmware)],
        ["pyocd", "reset", *target],
    ]


def _openocd(board: Board, firmware: Path, _folder: Path) -> list[list[str]]:
    if board.debug is None or not board.debug.openocd:
        return []
    scripts = [word for script in board.debug.openocd for word in ("-f", script)]
    # In braces nothing of the path is Tcl, as long as it holds none itself.
    path = str(firmware.resolve())
    if set("{}\\") & set(path):
        raise ToolchainError(f"{path}: OpenOCD cannot take this path; copy the file elsewhere")
    return [["openocd", *scripts, "-c", f"program {{{path}}} verify reset exit"]]


def _st_flash(board: Board, firmware: Path, folder: Path) -> list[list[str]]:
    if board.debug is None or not any("stlink" in script for script in board.debug.openocd):
        return []
    objcopy = toolchain_of(board).compiler.removesuffix("gcc") + "objcopy"
    image = folder / "firmware.hex"
    return [
        [objcopy, "-O", "ihex", str(firmware), str(image)],
        ["st-flash", "--reset", "--format", "ihex", "write", str(image)],
    ]


_PLATFORMIO = _Tool("pio", "pip install platformio", _platformio)
_ELF_TOOLS = (
    _Tool("pyocd", "pip install pyocd", _pyocd),
    _Tool("openocd", "Debian/Ubuntu: sudo apt-get install openocd", _openocd),
    _Tool("st-flash", "Debian/Ubuntu: sudo apt-get install stlink-tools", _st_flash),
)
#: What `--tool` takes, in the order in which they are tried.
FLASH_TOOLS = tuple(tool.command for tool in (_PLATFORMIO, *_ELF_TOOLS))


def _run(line: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_LIMIT_S,
            check=False,
        )
    except OSError as error:
        raise ToolchainError(f"{line[0]}: cannot be started: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise ToolchainError(
            f"{line[0]}: not finished within {_LIMIT_S:.0f} s; is the board connected?"
        ) from None
    if done.returncode != 0:
        said = [text.strip() for text in done.stdout.splitlines() if text.strip()]
        last = next((text for text in said if "error" in text.lower()), said[-1] if said else "")
        raise ToolchainError(
            f"{line[0]} failed with exit code {done.returncode}: {last or 'it wrote no message'}",
            details=f"{' '.join(line)}\n{done.stdout}",
        )
