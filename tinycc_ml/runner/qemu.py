"""A board that QEMU emulates, with its serial port on a TCP socket."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinycc_ml.errors import ToolchainError
from tinycc_ml.runner.process import ChildProcess

QEMU = "qemu-system-arm"
QEMU_DEBIAN_PACKAGE = "qemu-system-arm"


@contextmanager
def running_qemu(elf: Path, machine: str, plugin: str = "") -> Iterator[tuple[ChildProcess, str]]:
    """Runs firmware in QEMU; gives the process and the URL of its serial port.

    QEMU gets a socket that already listens, so no other program can take the port in between, and
    a connection waits in the socket's queue until QEMU has started. One instruction takes one
    nanosecond of the emulated time (`-icount shift=0`): times are exact and repeatable.

    Args:
        elf: The firmware.
        machine: QEMU's name of the machine, such as `mps2-an500`.
        plugin: What to pass to `-plugin`, if anything.

    Raises:
        ToolchainError: If QEMU is missing or does not start.
    """
    program = shutil.which(QEMU)
    if program is None:
        raise ToolchainError(
            f"{QEMU} is not installed; on Debian and Ubuntu: "
            f"sudo apt-get install {QEMU_DEBIAN_PACKAGE}"
        )
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        port = listener.getsockname()[1]
        command = [
            program,
            *("-machine", machine),
            *("-icount", "shift=0"),
            *("-display", "none"),
            *("-monitor", "none"),
            # Without nodelay every answer waits for TCP to fill a packet.
            *("-chardev", f"socket,id=uart,fd={listener.fileno()},server=on,wait=on,nodelay=on"),
            *("-serial", "chardev:uart"),
            *(("-plugin", plugin) if plugin else ()),
            *("-kernel", str(elf)),
        ]
        child = ChildProcess(command, f"QEMU {machine}", pass_fds=(listener.fileno(),))
    with child:
        yield child, f"socket://127.0.0.1:{port}"
