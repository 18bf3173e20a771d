"""How verbs compile a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.compiler import Compilation, Dump, compile_model
from tinycc_ml.emit import ArenaKind, EmitOptions, Io
from tinycc_ml.importers import parse_bindings
from tinycc_ml.kernels import KernelChoice
from tinycc_ml.memplan import Optimize
from tinycc_ml.placement import Where
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
    shape: tuple[str, ...]
    dim: tuple[str, ...]


def compile_for(
    model: Path,
    board: str,
    choices: Choices,
    name: str | None = None,
    dump: Dump | None = None,
) -> Compilation:
    """Compiles a model for a board given by name or by its file."""
    return compile_model(
        model,
        load_board(board),
        EmitOptions(choices.arena, choices.io),
        kernels=choices.kernels,
        optimize=choices.optimize,
        flash_limit=choices.flash_limit,
        hot_code=choices.hot_code,
        weights=choices.weights,
        ram_limit=choices.ram_limit,
        bindings=parse_bindings(choices.shape, choices.dim),
        name=name,
        dump=dump,
    )
