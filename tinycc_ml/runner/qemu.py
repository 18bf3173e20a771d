"""A board that QEMU emulates, with its serial port on a TCP socket."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinycc_ml.errors import ToolchainError
from tinycc_ml.runner.process import ChildProcess
from tinycc_ml.targets import Emulator

QEMU = "qemu-system-arm"
#: The Debian package that brings each emulator.
DEBIAN_PACKAGES = {
    QEMU: "qemu-system-arm",
    "qemu-system-riscv32": "qemu-system-misc",
    "qemu-system-riscv64": "qemu-system-misc",
    "qemu-aarch64": "qemu-user",
}


@contextmanager
def running_qemu(
    elf: Path, emulator: Emulator, plugin: str = ""
) -> Iterator[tuple[ChildProcess, str]]:
    """Runs firmware in QEMU; gives the process and the URL of its serial port.

    QEMU gets a socket that already listens, so no other program can take the port in between, and
    a connection waits in the socket's queue until QEMU has started. One instruction takes one
    nanosecond of the emulated time (`-icount shift=0`): times are exact and repeatable.

    Args:
        elf: The firmware.
        emulator: Which QEMU, machine and core.
        plugin: What to pass to `-plugin`, if anything.

    Raises:
        ToolchainError: If QEMU is missing or does not start.
    """
    program = find_qemu(emulator)
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        port = listener.getsockname()[1]
        command = [
            program,
            *("-machine", emulator.machine),
            *(("-cpu", emulator.cpu) if emulator.cpu else ()),
            *(("-bios", "none") if emulator.program != QEMU else ()),
            *("-icount", "shift=0"),
            *("-display", "none"),
            *("-monitor", "none"),
            # Without nodelay every answer waits for TCP to fill a packet.
            *("-chardev", f"socket,id=uart,fd={listener.fileno()},server=on,wait=on,nodelay=on"),
            *("-serial", "chardev:uart"),
            *(("-plugin", plugin) if plugin else ()),
            *("-kernel", str(elf)),
        ]
        child = ChildProcess(command, f"QEMU {emulator.machine}", pass_fds=(listener.fileno(),))
    with child:
        yield child, f"socket://127.0.0.1:{port}"


def find_qemu(emulator: Emulator) -> str:
    """The path of a board's emulator.

    Raises:
        ToolchainError: If it is missing.
    """
    program = shutil.which(emulator.program)
    if program is None:
        raise ToolchainError(
            f"{emulator.program} is not installed; on Debian and Ubuntu: "
            f"sudo apt-get install {DEBIAN_PACKAGES[emulator.program]}"
        )
    return program
