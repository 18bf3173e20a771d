"""Runs the command line as a shell would, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import REPOSITORY
from tinycc_ml.cli import main

DIGITS = REPOSITORY / "examples" / "digits" / "digits.tflite"
DIGITS_DATA = REPOSITORY / "examples" / "digits" / "digits_test.npz"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Stdout, which must be one JSON object and nothing else."""
        return json.loads(self.out)

    def error_line(self) -> str:
        """The one line of an error that the user can act on."""
        assert self.code == 1, self
        lines = [line for line in self.err.splitlines() if not line.startswith("(more with -v")]
        assert len(lines) == 1, self.err
        (line,) = lines
        assert line.startswith("tinycc-ml: ") and line.isprintable(), line
        assert len(line) < 2000
        assert "Traceback" not in line and "Error(" not in line
        return line.removeprefix("tinycc-ml: ")


class Cli:
    """Runs verbs in this process."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *arguments: str | Path) -> Result:
        self._capfd.readouterr()
        code: Any = 0
        try:
            main([str(a) for a in arguments])
        except SystemExit as end:
            code = end.code or 0
        out, err = self._capfd.readouterr()
        return Result(int(code), out, err)


def run_process(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Result:
    """Runs a verb in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tinycc_ml", *map(str, arguments)],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
