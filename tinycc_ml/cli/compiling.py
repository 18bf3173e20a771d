"""How verbs compile a model."""

from __future__ import annotations

from pathlib import Path

from tinycc_ml.compiler import Compilation, Dump, compile_model
from tinycc_ml.emit import ArenaKind, EmitOptions, Io
from tinycc_ml.kernels import KernelChoice
from tinycc_ml.memplan import Optimize
from tinycc_ml.targets import load_board


def compile_for(
    model: Path,
    board: str,
    arena: ArenaKind = "static",
    io: Io = "arena",
    kernels: KernelChoice = "auto",
    optimize: Optimize = "auto",
    name: str | None = None,
    dump: Dump | None = None,
) -> Compilation:
    """Compiles a model for a board given by name or by its file."""
    options = EmitOptions(arena, io)
    return compile_model(
        model,
        load_board(board),
        options,
        kernels=kernels,
        optimize=optimize,
        name=name,
        dump=dump,
    )
