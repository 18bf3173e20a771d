"""From a compiled model to a device that runs it, for the verbs that need one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.cli.output import err, is_terminal
from tinycc_ml.compiler import Compilation, check_fits, generate
from tinycc_ml.emit import write_project
from tinycc_ml.errors import BoardError, LinkError
from tinycc_ml.runner import BuiltProject, Device, Place, build_project, open_device
from tinycc_ml.targets import Board


@dataclass(frozen=True, slots=True)
class Session:
    """A model on a running device.

    Attributes:
        device: Answers requests.
        built: What was built; ``None`` where the firmware was on the board already.
        on: Where it runs.
    """

    device: Device
    built: BuiltProject | None
    on: Place


def choose_on(board: Board, on: Place | None, port: str | None) -> Place:
    """Where to run, when the user did not say.

    Raises:
        BoardError: If the board has no such way to run.
    """
    if on is None:
        on = "serial" if port else "host" if board.is_host else "qemu"
    if on == "serial" and port is None:
        raise BoardError(f"{board.name}: --on serial needs --port, such as /dev/ttyACM0 or COM3")
    if on == "qemu" and board.emulator is None:
        raise BoardError(f"{board.name}: no emulator is known for this board; use --on host")
    return on


@contextmanager
def session(
    compilation: Compilation, on: Place | None, port: str | None, *, trace: bool = True
) -> Iterator[Session]:
    """Builds the model's firmware and opens the device; everything is removed at the end.

    With ``serial`` the board must already run this model's firmware (`tinycc-ml firmware`).

    Args:
        compilation: The model.
        on: Where to run; ``None`` for the board's usual way.
        port: Serial port of a board.
        trace: Whether the layers are traced: needed for their times and checksums.
    """
    board = compilation.board
    on = choose_on(board, on, port)
    if not board.is_host and on != "host":
        check_fits(compilation)
    with tempfile.TemporaryDirectory(prefix="tinycc-ml-") as folder:
        built = None
        if on != "serial":
            with _status(f"building for {on}"):
                built = build(compilation, on, Path(folder), trace=trace)
        image = built.image if built else None
        with open_device(image, board, on=on, port=port) as device:
            _check_model(compilation, device, port or on)
            yield Session(device, built, on)


def build(compilation: Compilation, on: Place, folder: Path, *, trace: bool = True) -> BuiltProject:
    """Generates the C into `folder` and builds the firmware there."""
    project = folder / "project"
    write_project(project, generate(compilation))
    return build_project(project, compilation.board, on, folder / "build", trace=trace)


def _check_model(compilation: Compilation, device: Device, where: str) -> None:
    found = device.identity.model_hash.hex()
    if found != compilation.manifest.model_sha256:
        raise LinkError(
            f"{where}: the device runs another model ({found[:12]}...); build this one's firmware "
            f"with `tinycc-ml firmware` and flash it"
        )


@contextmanager
def _status(text: str) -> Iterator[None]:
    if not is_terminal():
        yield
        return
    with err.status(text):
        yield
