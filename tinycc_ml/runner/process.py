"""A child process that ends with its context, whatever happens in it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from types import TracebackType

from tinycc_ml.errors import ToolchainError

_STOP_LIMIT_S = 2.0
_STDERR_KEPT_BYTES = 20_000


class ChildProcess:
    """Runs a program in a process group of its own and ends the group on exit.

    A group of its own keeps Ctrl-C away from the child: we are interrupted first, and then end it
    in order.

    Args:
        command: Program and arguments.
        name: What messages call it.
        pass_fds: File descriptors that it inherits.
    """

    def __init__(self, command: Sequence[str], name: str, *, pass_fds: Sequence[int] = ()) -> None:
        self.name = name
        # A file cannot fill up and stop the child, as a pipe that nobody reads would.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise ToolchainError(f"{name}: cannot start {command[0]}: {error}") from error

    def read_line(self, limit_s: float) -> str:
        """The next line of its stdout, without the end; empty if none came within the limit."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], limit_s)
        if not ready:
            return ""
        return self._process.stdout.readline().decode("utf-8", errors="replace").strip()

    def check(self) -> None:
        """Does nothing if it still runs.

        Raises:
            ToolchainError: If it has ended; carries what it wrote to stderr.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            # A broken connection can be seen a moment before the end of the process.
            code = self._process.wait(0.2)
            text = self._stderr_text()
            first = next(iter(text.splitlines()), "it wrote no message")
            raise ToolchainError(f"{self.name} ended with exit code {code}: {first}", details=text)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ends it and all its children; does nothing the second time."""
        if self._stderr.closed:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_LIMIT_S)
                break
        for pipe in (self._process.stdin, self._process.stdout, self._stderr):
            if pipe is not None:
                pipe.close()

    def _stderr_text(self) -> str:
        self._stderr.seek(0)
        text = self._stderr.read(_STDERR_KEPT_BYTES).decode("utf-8", errors="replace")
        return "\n".join(line for line in text.splitlines() if " info: " not in line)

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
