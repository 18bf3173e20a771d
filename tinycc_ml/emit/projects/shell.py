"""The files of a project: the model's, the self-test, the harness, and the kind's templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinycc_ml._resources import resource_dir
from tinycc_ml.emit.harness_glue import emit_harness_glue
from tinycc_ml.emit.manifest import Manifest
from tinycc_ml.emit.projects.golden import GoldenSample
from tinycc_ml.emit.projects.kind import Files, Kind
from tinycc_ml.emit.projects.machine import Machine
from tinycc_ml.emit.projects.selftest import emit_selftest
from tinycc_ml.emit.render import render
from tinycc_ml.emit.text import comment_safe
from tinycc_ml.targets import Board, compile_flags, toolchain_of

_SUFFIX = ".j2"
_HARNESS_FOLDERS = ("include", "src")


@dataclass(frozen=True, slots=True)
class Shell:
    """What a project is made around.

    Attributes:
        model_files: The generated files, by name.
        manifest: Their account.
        board: What they were generated for.
        samples: What the self-test runs.
        machines: What the firmware harness can be built for.
    """

    model_files: dict[str, str]
    manifest: Manifest
    board: Board
    samples: tuple[GoldenSample, ...]
    machines: tuple[Machine, ...]

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    def machine(self, name: str) -> Machine | None:
        """The machine of that name, if there is one."""
        return next((machine for machine in self.machines if machine.name == name), None)


def emit_shell(kind: Kind, shell: Shell) -> tuple[Files, frozenset[str]]:
    """The content of every file of a project, by path.

    Returns:
        The files, and which of them belong to the tool: the others are written once, for the user
        to change.
    """
    library, selftest = (
        folder.format(model=shell.name) for folder in (kind.library, kind.selftest)
    )
    files: Files = {_join(library, name): text for name, text in shell.model_files.items()}
    for name, text in emit_selftest(shell.manifest, shell.samples).items():
        files[_join(selftest, name)] = text
    if kind.harness is not None and shell.machines:
        files |= _harness(kind.harness, shell)
    generated = frozenset(files)
    context = _context(kind, shell, library, selftest) | kind.context(shell)
    files |= _templates(kind, shell, context)
    return kind.finish(shell, files), generated


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _harness(folder: str, shell: Shell) -> Files:
    """The firmware harness for the board and its emulator, and what ties it to the model."""
    root = resource_dir("firmware_harness")
    parts = dict.fromkeys(
        [*_HARNESS_FOLDERS, *(part for machine in shell.machines for part in machine.folders)]
    )
    files: Files = {
        f"{folder}/{path.relative_to(root).as_posix()}": path.read_text(encoding="utf-8")
        for part in parts
        for path in sorted((root / part).glob("*.[ch]"))
    }
    for machine in shell.machines:
        script = root / "linker" / machine.linker_script
        files[f"{folder}/linker/{script.name}"] = script.read_text(encoding="utf-8")
        files[f"{folder}/{machine.name}/memory.ld"] = machine.memory_script
        files[f"{folder}/{machine.name}/sections.ld"] = _sections(shell)
    files[f"{folder}/harness_model.c"] = emit_harness_glue(shell.manifest)
    files[f"{folder}/selftest_main.c"] = render(
        "projects/common/selftest_main.c.j2", {"model": shell.name}
    )
    return files


def _sections(shell: Shell) -> str:
    """The model's linker fragment; empty where it has none."""
    return next(
        (text for name, text in shell.model_files.items() if name.endswith(".ld")),
        "/* Nothing of the model wants a memory of its own. */\n",
    )


def _context(kind: Kind, shell: Shell, library: str, selftest: str) -> dict[str, Any]:
    names = sorted(shell.model_files)
    toolchain = toolchain_of(shell.board)
    flags = (*compile_flags(shell.board), *toolchain.compile_flags)
    return {
        "model": shell.name,
        "MODEL": shell.name.upper(),
        "manifest": shell.manifest,
        "model_file": comment_safe(shell.manifest.model_file),
        "board": shell.board,
        "kind": kind,
        "library": library,
        "selftest": selftest,
        "harness": kind.harness,
        "sources": [name for name in names if name.endswith(".c")],
        "headers": [name for name in names if name.endswith(".h")],
        "needs_math": any("#include <math.h>" in text for text in shell.model_files.values()),
        "flags": flags,
        # What GCC takes and Clang does not; GCC's own default for -mfpu is auto.
        "clang_flags": tuple(f for f in flags if f != "-mfpu=auto" and not f.startswith("--specs")),
        "compiler": toolchain.compiler,
        "compiler_package": toolchain.debian_package,
        "machines": shell.machines,
        "on_board": shell.machine("board"),
        "in_qemu": shell.machine("qemu"),
        "layer_count": len(shell.manifest.layers),
        "sample_count": len(shell.samples),
        "tool_version": shell.manifest.tool_version,
    }


def _templates(kind: Kind, shell: Shell, context: dict[str, Any]) -> Files:
    files: Files = {}
    for path in _template_paths(kind.name):
        text = render(f"projects/{kind.name}/{path}", context)
        if text.strip():
            files[_target(path, shell)] = text
    return files


def _target(template: str, shell: Shell) -> str:
    path = template.removesuffix(_SUFFIX)
    return path.replace("MODEL", shell.name).replace("BOARD", shell.board.name)


def _template_paths(kind: str) -> Sequence[str]:
    root: Path = resource_dir("templates") / "projects" / kind
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob(f"*{_SUFFIX}")
        if not path.name.startswith("_")
    )
