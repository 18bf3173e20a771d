"""A PlatformIO project: for the board, for an emulator and for this computer."""

from __future__ import annotations

from typing import Any

from tinycc_ml.emit.projects.kind import Kind
from tinycc_ml.emit.projects.shell import Shell
from tinycc_ml.errors import BoardError
from tinycc_ml.targets import compile_flags

#: Frameworks whose boards PlatformIO also knows with Arduino's, where `Serial` prints.
_BESIDE_ARDUINO = frozenset({"arduino", "espidf", "mbed", "stm32cube", "zephyr"})


def _context(shell: Shell) -> dict[str, Any]:
    board, in_qemu = shell.board, shell.machine("qemu")
    known = board.platformio
    if known is None and not board.is_host:
        raise BoardError(
            f"{board.name}: PlatformIO does not know this board (no [platformio] in its file); "
            "use --project cmake or make"
        )
    # An environment has one set of flags, for the model and the harness alike.
    is_same_core = in_qemu is not None and in_qemu.flags[:2] == compile_flags(board)[:2]
    return {
        "known": known,
        "framework": (
            ""
            if known is None or shell.machine("board")
            else "arduino"
            if known.framework in _BESIDE_ARDUINO
            else known.framework
        ),
        "qemu_env": in_qemu if is_same_core and known is not None else None,
    }


KIND = Kind(
    name="platformio",
    summary="PlatformIO: pio run, pio test on the board, in QEMU or on this computer",
    library="lib/{model}",
    selftest="lib/{model}_selftest",
    harness="lib/harness",
    context=_context,
)
