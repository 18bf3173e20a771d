"""The harness as a program on this computer, with its serial port on a TCP socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinycc_ml.errors import ToolchainError
from tinycc_ml.runner.process import ChildProcess

# A computer that runs compilers and emulators at the same time may be slow to start a program.
_START_LIMIT_S = 20.0


@contextmanager
def running_program(program: Path) -> Iterator[tuple[ChildProcess, str]]:
    """Runs a firmware that was built for the host; gives the process and its port's URL.

    The program prints its port number first. It ends by itself once its stdin is closed, so it
    does not outlive us even if we are killed.

    Raises:
        ToolchainError: If it does not start.
    """
    with ChildProcess([str(program)], "host firmware") as child:
        line = child.read_line(_START_LIMIT_S)
        if not line.isdecimal():
            child.check()
            raise ToolchainError(
                f"{program.name}: expected a port number, it printed {line[:40]!r}"
            )
        yield child, f"socket://127.0.0.1:{line}"
