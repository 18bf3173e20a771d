"""Several models in one folder whose arenas are one: they run one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tinycc_ml.compiler import Compilation, ram_block_bytes
from tinycc_ml.emit import EmitOptions, SharedProject, emit_shared
from tinycc_ml.errors import DoesNotFitError
from tinycc_ml.placement import arena_memory
from tinycc_ml.targets import Board

#: Compiles a model; with a number of bytes, the fastest plan whose arena fits into them.
CompileOne = Callable[[Path, int | None], Compilation]


def compile_shared(
    paths: Sequence[Path], compile_one: CompileOne, *, saves_ram: bool
) -> tuple[Compilation, ...]:
    """Compiles models that share an arena.

    The largest arena is that of all. Where speed was given away for RAM, a model that needs less
    may take as much as that one, so it gets the fastest plan that does.

    Args:
        paths: The model files.
        compile_one: Steps 2 to 8 of one of them.
        saves_ram: Whether its plans give speed away for RAM.

    Raises:
        TinyccError: If a model cannot be read or compiled.
    """
    compilations = [compile_one(path, None) for path in paths]
    arena_bytes = max(compilation.plan.arena_bytes for compilation in compilations)
    for index, path in enumerate(paths):
        if saves_ram and compilations[index].plan.arena_bytes < arena_bytes:
            compilations[index] = _faster(compilations[index], path, arena_bytes, compile_one)
    return tuple(compilations)


def _faster(
    compilation: Compilation, path: Path, arena_bytes: int, compile_one: CompileOne
) -> Compilation:
    try:
        other = compile_one(path, arena_bytes)
    except DoesNotFitError:  # the search for the fastest plan is not that for the smallest
        return compilation
    return other if other.program.cycles < compilation.program.cycles else compilation


def shared_project(
    name: str, compilations: Sequence[Compilation], options: EmitOptions
) -> SharedProject:
    """What the compilations have in common.

    Args:
        name: Prefix of the arena's names.
        compilations: Of options with `shared` set to the name.
        options: These options.

    Raises:
        DoesNotFitError: If the models together exceed a memory of the board.
    """
    board = compilations[0].board
    if any(compilation.plan.regions for compilation in compilations):
        raise DoesNotFitError(
            "--share-arena: the arena is one array, but a model's lies in several memories; use "
            "--regions one, and --optimize ram where it does not fit"
        )
    arena_bytes = max(compilation.plan.arena_bytes for compilation in compilations)
    project = SharedProject(
        name,
        tuple((compilation.layout, compilation.manifest) for compilation in compilations),
        options,
        arena_memory(board, arena_bytes),
    )
    _check_fits(project, board)
    return project


def generate_shared(project: SharedProject) -> dict[str, str]:
    """Step 9, emit: the content of every file of the folder, by name."""
    return emit_shared(project)


def _check_fits(project: SharedProject, board: Board) -> None:
    """Counts what is known before a build: arena, states, and constants wherever they lie."""
    if board.is_host:
        return
    manifests = project.manifests
    needs = {
        "RAM": (
            project.arena_bytes + sum(m.state_bytes + m.hot_weight_bytes for m in manifests),
            ram_block_bytes(board),
        ),
        "flash": (sum(m.weight_bytes for m in manifests), board.flash_bytes),
    }
    problems = [
        f"{kind}: they need {need:,} bytes, it has {have:,}, {need - have:,} too many"
        for kind, (need, have) in needs.items()
        if need > have
    ]
    if problems:
        raise DoesNotFitError(
            f"{len(manifests)} models do not fit {board.name}: {'; '.join(problems)}; "
            "--ram-limit and --flash-limit bound each model"
        )
