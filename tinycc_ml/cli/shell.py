"""How ``gen --project`` writes a project around a compiled model."""

from __future__ import annotations

from pathlib import Path

from tinycc_ml.compiler import Compilation, generate
from tinycc_ml.emit.projects import (
    Files,
    Shell,
    emit_shell,
    find_kind,
    golden_samples,
    merge_project,
)
from tinycc_ml.ops import integerize
from tinycc_ml.runner import machines


def write_shell(
    compilation: Compilation, kind: str, output: Path, *, force: bool
) -> tuple[Files, tuple[str, ...]]:
    """Writes a project; returns its files, and those that were kept as the user has them."""
    manifest, board = compilation.manifest, compilation.board
    shell = Shell(
        generate(compilation),
        manifest,
        board,
        # As the file has it, so that a fault of a graph pass cannot hide on both sides.
        golden_samples(integerize(compilation.imported)),
        machines(board, manifest.arena_bytes),
    )
    files, generated = emit_shell(find_kind(kind), shell)
    merged = merge_project(output, kind, files, generated, force=force)
    return files, merged.kept
