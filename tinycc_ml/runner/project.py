"""From a generated project folder to a firmware."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.emit import emit_harness_glue, load_manifest
from tinycc_ml.errors import BoardError
from tinycc_ml.runner.cmsis_nn import needed_files
from tinycc_ml.runner.firmware import FirmwareImage, build_firmware
from tinycc_ml.runner.sessions import Place
from tinycc_ml.targets import Board, load_board

_GLUE = "harness_model"


@dataclass(frozen=True, slots=True)
class BuiltProject:
    """A project as a program, and what of it goes to flash.

    Attributes:
        image: The firmware.
        code_bytes: Code and read-only data of the generated functions.
        weight_bytes: The generated constants.
        hot_code_bytes: What of the code is copied to RAM.
        hot_weight_bytes: What of the constants is copied to RAM.
    """

    image: FirmwareImage
    code_bytes: int
    weight_bytes: int
    hot_code_bytes: int
    hot_weight_bytes: int


def build_project(
    project: Path,
    board: Board,
    on: Place,
    build_dir: Path,
    *,
    trace: bool = True,
    cmsis_nn: Path | None = None,
) -> BuiltProject:
    """Builds the firmware of a folder that `gen` wrote.

    Args:
        project: The folder, with its manifest.
        board: What the code was generated for: its compiler flags are used wherever it runs.
        on: Where it will run.
        build_dir: Where to write.
        trace: Whether the layers are traced.
        cmsis_nn: A copy of CMSIS-NN, for code that calls it.

    Raises:
        OutputError: If the folder has no manifest of ours.
        BoardError: If the board cannot be run in this way.
        ToolchainError: If the compiler fails or is missing, or a library that is called is missing.
    """
    manifest = load_manifest(project)
    build_dir.mkdir(parents=True, exist_ok=True)
    glue = build_dir / f"{_GLUE}.c"
    glue.write_text(emit_harness_glue(manifest), encoding="utf-8")
    sources = [project / name for name in manifest.files if name.endswith(".c")]
    library = needed_files(cmsis_nn, sources)
    machine = _machine(board, on)
    image = build_firmware(
        [*sources, glue, *(library.sources if library else ())],
        [project, *([library.include_dir] if library else ())],
        machine,
        build_dir,
        layer_count=len(manifest.layers),
        target=machine if on == "host" else board,
        trace=trace,
        sections=next((project / name for name in manifest.files if name.endswith(".ld")), None),
        arena_bytes=manifest.arena_bytes,
        arenas={f"TCML_{array.name}".upper(): array.memory for array in manifest.arenas},
    )
    sizes = image.sizes()
    code, weights = sizes[manifest.name], sizes[f"{manifest.name}_weights"]
    return BuiltProject(
        image, code.flash_bytes, weights.flash_bytes, code.copied_bytes, weights.copied_bytes
    )


def _machine(board: Board, on: Place) -> Board:
    """The board whose memories and serial port the firmware is linked for."""
    if on == "host":
        return load_board("host")
    if on == "serial":
        return board
    if board.emulator is None:
        raise BoardError(f"{board.name}: QEMU cannot run this board's code; use --on serial")
    return load_board(board.emulator.firmware_of)
