"""From a compiled model to a device that runs it, for the verbs that need one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.cli.output import status
from tinycc_ml.compiler import Compilation, check_fits, generate
from tinycc_ml.emit import write_project
from tinycc_ml.errors import BoardError, LinkError, ToolchainError
from tinycc_ml.runner import (
    AUTO,
    BuiltProject,
    CycleCounter,
    Device,
    Place,
    build_project,
    count_cycles,
    find_port,
    open_device,
    why_no_estimate,
)
from tinycc_ml.targets import Board


@dataclass(frozen=True, slots=True)
class Session:
    """A model on a running device.

    Attributes:
        device: Answers requests.
        built: What was built; ``None`` where the firmware was on the board already.
        on: Where it runs.
        counter: Counts what is executed; ``None`` where nothing does.
        uncounted: Why there is no counter, where one was asked for and there could be one.
    """

    device: Device
    built: BuiltProject | None
    on: Place
    counter: CycleCounter | None = None
    uncounted: str = ""


def choose_on(board: Board, on: Place | None, port: str | None) -> Place:
    """Where to run, when the user did not say.

    Raises:
        BoardError: If the board has no such way to run.
    """
    if on is None:
        on = "serial" if port else "host" if board.is_host else "qemu"
    if on == "qemu" and board.emulator is None:
        raise BoardError(f"{board.name}: no emulator is known for this board; use --on host")
    return on


def choose_port(board: Board, port: str | None) -> str:
    """The serial port that the user named, or the one at which the board's USB ids are found."""
    return find_port(board) if port in (None, AUTO) else str(port)


@contextmanager
def session(
    compilation: Compilation,
    on: Place | None,
    port: str | None,
    *,
    trace: bool = True,
    cycles: bool = False,
    cmsis_nn: Path | None = None,
) -> Iterator[Session]:
    """Builds the model's firmware and opens the device; everything is removed at the end.

    With ``serial`` the board must already run this model's firmware (`tinycc-ml firmware`).

    Args:
        compilation: The model.
        on: Where to run; ``None`` for the board's usual way.
        port: Serial port of a board; ``None`` or ``auto`` to look for it.
        trace: Whether the layers are traced: needed for their times and checksums.
        cycles: Whether to count what QEMU executes, to estimate cycles; needs `trace`.
        cmsis_nn: A copy of CMSIS-NN, for code that calls it.
    """
    board = compilation.board
    on = choose_on(board, on, port)
    if on == "serial":
        port = choose_port(board, port)
    if not board.is_host and on != "host":
        check_fits(compilation)
    with tempfile.TemporaryDirectory(prefix="tinycc-ml-") as folder:
        built, counter, uncounted = None, None, ""
        if on != "serial":
            with status(f"building for {on}"):
                built = build(compilation, on, Path(folder), trace=trace, cmsis_nn=cmsis_nn)
        if cycles and built and on == "qemu":
            counter, uncounted = _counter(built, board, Path(folder))
        image = built.image if built else None
        with ExitStack() as stack:
            if counter is not None:
                try:
                    device = stack.enter_context(
                        open_device(image, board, on=on, plugin=counter.plugin_option)
                    )
                except ToolchainError as error:
                    counter, uncounted = None, f"QEMU does not run with the plugin: {error}"
            if counter is None:
                device = stack.enter_context(open_device(image, board, on=on, port=port))
            _check_model(compilation, device, port or on)
            yield Session(device, built, on, counter, uncounted)


def _counter(built: BuiltProject, board: Board, folder: Path) -> tuple[CycleCounter | None, str]:
    """What counts the executed blocks, or why nothing does."""
    reason = why_no_estimate(board.core)
    if not reason:
        try:
            return count_cycles(built.image.elf, board.core, folder), ""
        except ToolchainError as error:
            reason = str(error)
    return None, reason


def build(
    compilation: Compilation,
    on: Place,
    folder: Path,
    *,
    trace: bool = True,
    cmsis_nn: Path | None = None,
) -> BuiltProject:
    """Generates the C into `folder` and builds the firmware there."""
    project = folder / "project"
    write_project(project, generate(compilation))
    return build_project(
        project, compilation.board, on, folder / "build", trace=trace, cmsis_nn=cmsis_nn
    )


def _check_model(compilation: Compilation, device: Device, where: str) -> None:
    found = device.identity.model_hash.hex()
    if found != compilation.manifest.model_sha256:
        raise LinkError(
            f"{where}: the device runs another model ({found[:12]}...); build this one's firmware "
            f"with `tinycc-ml firmware` and flash it"
        )
