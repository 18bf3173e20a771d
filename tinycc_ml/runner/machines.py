"""What the firmware harness consists of for a board and its emulator, for projects of their own."""

from __future__ import annotations

from tinycc_ml.emit.projects import Machine
from tinycc_ml.runner.firmware import PORT_FOLDERS, board_macros, harness_flags
from tinycc_ml.runner.memory_map import memory_script
from tinycc_ml.runner.qemu import QEMU
from tinycc_ml.targets import Board, load_board

_LINKER_SCRIPT = "bare_metal.ld"


def machines(board: Board, arena_bytes: int) -> tuple[Machine, ...]:
    """The machines that a self-test without an operating system can be built for.

    ``board``, if there is a port of the harness for it; ``qemu``, if its code can be emulated.

    Args:
        board: What the model was compiled for.
        arena_bytes: Size of the model's arena, which decides in which memory it lies.
    """
    if not board.core.startswith("cortex-m"):
        return ()
    found = []
    is_emulated = board.emulator is not None and board.emulator.firmware_of == board.name
    if board.firmware is not None and not is_emulated:
        found.append(_machine("board", board, board, arena_bytes, ()))
    if board.emulator is not None:
        command = (
            *(QEMU, "-machine", board.emulator.machine, "-nographic", "-monitor", "none"),
            *("-serial", "stdio", "-semihosting-config", "enable=on,target=native", "-kernel"),
        )
        lender = load_board(board.emulator.firmware_of)
        found.append(_machine("qemu", lender, board, arena_bytes, command))
    return tuple(found)


def _machine(
    name: str, board: Board, target: Board, arena_bytes: int, emulator: tuple[str, ...]
) -> Machine:
    assert board.firmware is not None
    return Machine(
        name=name,
        folders=PORT_FOLDERS[board.firmware.port],
        linker_script=_LINKER_SCRIPT,
        memory_script=memory_script(board, arena_bytes),
        flags=harness_flags(board, target),
        macros=tuple(macro.removeprefix("-D") for macro in board_macros(board)),
        emulator=emulator,
    )
