"""How verbs compile a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tinycc_ml.compiler import Compilation, Dump, compile_model
from tinycc_ml.emit import ArenaKind, EmitOptions, Io
from tinycc_ml.errors import BoardError
from tinycc_ml.importers import parse_bindings
from tinycc_ml.kernels import KernelChoice
from tinycc_ml.memplan import Optimize
from tinycc_ml.placement import Where
from tinycc_ml.quant import Calibration, Progress, no_progress
from tinycc_ml.regions import Regions
from tinycc_ml.sharing import compile_shared
from tinycc_ml.targets import load_board


@dataclass(frozen=True, slots=True)
class Choices:
    """What the options that all verbs share say; each field is the option of that name."""

    arena: ArenaKind
    io: Io
    kernels: KernelChoice
    optimize: Optimize
    flash_limit: int | None
    hot_code: Where
    weights: Where
    ram_limit: int | None
    regions: Regions
    region_limit: tuple[str, ...]
    shape: tuple[str, ...]
    dim: tuple[str, ...]


def compile_for(
    model: Path,
    board: str,
    choices: Choices,
    name: str | None = None,
    dump: Dump | None = None,
    shared: str = "",
    calibration: Calibration | None = None,
    progress: Progress = no_progress,
) -> Compilation:
    """Compiles a model for a board given by name or by its file."""
    return compile_model(
        model,
        load_board(board),
        EmitOptions(choices.arena, choices.io, shared),
        kernels=choices.kernels,
        optimize=choices.optimize,
        flash_limit=choices.flash_limit,
        hot_code=choices.hot_code,
        weights=choices.weights,
        ram_limit=choices.ram_limit,
        regions=choices.regions,
        limits=_sizes(choices.region_limit),
        bindings=parse_bindings(choices.shape, choices.dim),
        calibration=calibration,
        name=name,
        dump=dump,
        progress=progress,
    )


def _sizes(given: Sequence[str]) -> dict[str, int]:
    """Bytes by name, of texts such as ``DTCM=8192``."""
    sizes: dict[str, int] = {}
    for text in given:
        name, _, number = text.rpartition("=")
        if not name or not number.isascii() or not number.isdecimal():
            raise BoardError(f"--region-limit {text!r}: write it like DTCM=8192")
        sizes[name] = int(number)
    return sizes


def compile_together(
    models: Sequence[Path], board: str, choices: Choices, name: str
) -> tuple[Compilation, ...]:
    """Compiles models that share an arena whose names begin with a prefix."""

    def compile_one(model: Path, room_bytes: int | None) -> Compilation:
        if room_bytes is None:
            return compile_for(model, board, choices, shared=name)
        roomy = replace(choices, optimize="auto", ram_limit=room_bytes)
        return compile_for(model, board, roomy, shared=name)

    return compile_shared(models, compile_one, saves_ram=choices.optimize in ("ram", "balanced"))
