"""The harness as a program on this computer, with its serial port on a TCP socket.

QEMU also runs programs of other Linux machines, one instruction at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinycc_ml.errors import ToolchainError
from tinycc_ml.runner.process import ChildProcess
from tinycc_ml.runner.qemu import find_qemu
from tinycc_ml.targets import Emulator

# A computer that runs compilers and emulators at the same time may be slow to start a program.
_START_LIMIT_S = 20.0


@contextmanager
def running_program(
    program: Path, emulator: Emulator | None = None, plugin: str = ""
) -> Iterator[tuple[ChildProcess, str]]:
    """Runs a firmware that was built as a program; gives the process and its port's URL.

    The program prints its port number first. It ends by itself once its stdin is closed, so it
    does not outlive us even if we are killed.

    Args:
        program: The firmware.
        emulator: What runs programs of its machine; ``None`` for this computer's own.
        plugin: What to pass to the emulator's option `-plugin`, if anything.

    Raises:
        ToolchainError: If it does not start.
    """
    command, name = [str(program)], "host firmware"
    if emulator is not None:
        cpu, counting = ["-cpu", emulator.cpu], ["-plugin", plugin] if plugin else []
        command = [find_qemu(emulator), *cpu, *counting, *command]
        name = f"{emulator.program} -cpu {emulator.cpu}"
    with ChildProcess(command, name) as child:
        line = child.read_line(_START_LIMIT_S)
        if not line.isdecimal():
            child.check()
            raise ToolchainError(
                f"{program.name}: expected a port number, it printed {line[:40]!r}"
            )
        yield child, f"socket://127.0.0.1:{line}"
