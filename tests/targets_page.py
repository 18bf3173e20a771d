"""Writes docs/targets.md, and the table of docs/boards.md, from the boards, cores and kernels.

Run `python -m tests.targets_page` after changing a board; `tests/targets` fails when it is stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tinycc_ml.kernels.select import _SPECIAL
from tinycc_ml.targets import CORES, Board, Core, features, list_boards, toolchain_of

DOCS = Path(__file__).resolve().parents[1] / "docs"
BOARDS_PAGE, TARGETS_PAGE = DOCS / "boards.md", DOCS / "targets.md"
#: What the default chooses from.
_KERNELS = _SPECIAL["auto"]
_CORE_COLUMNS = ("core", "boards", "compiler", "own kernels", "tested on")
_FAMILY_COLUMNS = ("family", "operators", "needs", "cores")
_BOARD_COLUMNS = (
    *("name", "board", "core", "clock", "flash", "data RAM"),
    *("one array at most", "emulated on"),
)
_HEAD = """\
# Targets

Written by `python -m tests.targets_page` from the boards, the cores and the kernels; a test fails
when it is stale.

Every core runs the portable kernels: plain C, for every operator. `--kernels auto`, the default,
takes a faster kernel where the core has the instructions and the kernel takes the layer; the
fastest that fit the flash together. `--kernels cmsis-nn` calls a library for Cortex-M. RISC-V,
64-bit Arm and Xtensa have the portable ones only.

"""
_TESTED = """
An emulator in brackets is another core's, which runs the code all the same; the note in the
board's file says how. The harness counts instructions exactly, except where it runs as a program
under Linux.

## How it is tested

- Each kernel against its operator's reference, on the host and on an emulator of a core that it is
  for (`tests/kernels`).
- The five INT8 models of MLPerf Tiny, every byte of every layer: on the host, Cortex-M3, M4, M7 and
  M55 (`tests/end_to_end/test_mlperf_tiny.py`), on Cortex-M0+ code
  (`tests/kernels/swar/test_goldens.py`), on RV32IMAC, RV64GC and 64-bit Arm
  (`tests/end_to_end/test_other_families.py`).
- The harness itself, faults included, on every emulator (`tests/firmware`).

Without any run: Cortex-M85, whose code is the Cortex-M55's, and Xtensa, for which Debian has no
compiler; its code is the portable kernels' C, which all other compilers are tried with.
"""


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


def targets_page() -> str:
    """docs/targets.md as it should be."""
    cores = table(_CORE_COLUMNS, map(_core_row, CORES.values()))
    families = table(_FAMILY_COLUMNS, map(_family_row, _families()))
    kernels = "## Kernel families\n\n" + families
    return f"{_HEAD}## Cores\n\n{cores}\n{_TESTED}\n{kernels}\n"


def _of(core: Core) -> list[Board]:
    return [board for board in list_boards() if board.core == core.name]


def _core_row(core: Core) -> tuple[str, ...]:
    boards = _of(core)
    able = {family for family in _families() if _can(core, family)}
    names = ", ".join(f"`{board.name}`" for board in boards)
    runs = sorted({_runs_on(board) for board in boards})
    return (
        f"`{core.name}`",
        names,
        f"`{toolchain_of(boards[0]).compiler}`",
        ", ".join(sorted(able)) or "-",
        ", ".join(runs),
    )


def _runs_on(board: Board) -> str:
    """The emulator, in brackets if it is another core's."""
    if board.is_host:
        return "this computer"
    if board.emulator is None:
        return "-"
    if board.emulator.is_program:
        return f"{board.emulator.program} -cpu {board.emulator.cpu}"
    own = {b.core for b in list_boards() if b.name == board.emulator.firmware_of}
    return emulated_on(board) if board.core in own else f"({emulated_on(board)})"


def _families() -> list[str]:
    return sorted({_family(type(kernel).__module__) for kernel in _KERNELS})


def _family(module: str) -> str:
    return module.removeprefix("tinycc_ml.kernels.").split(".")[0]


def _family_row(family: str) -> tuple[str, ...]:
    kernels = [k for k in _KERNELS if _family(type(k).__module__) == family]
    needs = sorted({" and ".join(sorted(k.requires)) for k in kernels})
    cores = [f"`{core.name}`" for core in CORES.values() if _can(core, family)]
    return (
        f"`{family}`",
        ", ".join(sorted({k.op for k in kernels})),
        "; ".join(needs),
        ", ".join(cores),
    )


def _can(core: Core, family: str) -> bool:
    """Whether a board with this core may get a kernel of the family."""
    kernels = [k for k in _KERNELS if _family(type(k).__module__) == family]
    return any(k.requires <= features(board) for k in kernels for board in _of(core))


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
    TARGETS_PAGE.write_text(targets_page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
