"""How verbs compile a model."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from tinycc_ml.compiler import Compilation, Dump, compile_model
from tinycc_ml.emit import EmitOptions
from tinycc_ml.targets import load_board


def compile_for(
    model: Path,
    board: str,
    arena: str = "static",
    io: str = "arena",
    name: str | None = None,
    dump: Dump | None = None,
) -> Compilation:
    """Compiles a model for a board given by name or file; the strings are checked by click."""
    options = cast(EmitOptions, EmitOptions(arena, io))  # type: ignore[arg-type]
    return compile_model(model, load_board(board), options, name=name, dump=dump)
