"""Builds a compiled model's firmware and runs it where the command line would."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tinycc_ml.compiler import Compilation, generate
from tinycc_ml.emit import write_project
from tinycc_ml.runner import Device, Place, build_project, open_device

#: The machines that QEMU emulates, and the host.
MACHINES: dict[str, Place] = {
    "host": "host",
    "mps2-an385": "qemu",
    "mps2-an386": "qemu",
    "mps2-an500": "qemu",
    "mps3-an547": "qemu",
}


@contextmanager
def running(
    compilation: Compilation, on: Place, folder: Path, *, trace: bool = True
) -> Iterator[Device]:
    """A device that runs the model."""
    project = folder / "project"
    write_project(project, generate(compilation))
    built = build_project(project, compilation.board, on, folder / "build", trace=trace)
    with open_device(built.image, compilation.board, on=on) as device:
        yield device
