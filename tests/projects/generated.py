"""Projects of the example, written as a user would write them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.shared_data import REPOSITORY
from tinycc_ml.cli import main

DIGITS = REPOSITORY / "examples" / "digits" / "digits.tflite"


def generate_project(folder: Path, kind: str, board: str, *options: str) -> Path:
    """`gen --project`; the folder."""
    arguments = ["gen", str(DIGITS), "--board", board, "-o", str(folder), "--project", kind]
    main([*arguments, *options])
    return folder


def tool(folder: Path, *command: str | Path, code: int = 0) -> str:
    """Runs a build tool in a folder; returns all that it printed."""
    done = run_tool(folder, command)
    assert done.returncode == code, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


def run_tool(folder: Path, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def spoil_weights(folder: Path) -> None:
    """Inverts the first constants of a generated model: the self-test has to see it."""
    (path,) = folder.rglob("digits_weights.c")
    head, start, rest = path.read_text().partition("] = {\n")
    data, end, tail = rest.partition("};")
    data = re.sub(r"-?\d+", lambda number: str(~int(number.group())), data)
    path.write_text(head + start + data + end + tail)
