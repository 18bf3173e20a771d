"""Which files of CMSIS-NN a generated project needs, in a folder that the user names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tinycc_ml.errors import ToolchainError

_HEADER = "arm_nnfunctions.h"
_COMMENTS = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_NAMES = re.compile(r"\barm_\w+")
#: Functions that start in the first column, where the library has its definitions.
_DEFINITIONS = re.compile(r"^(?:\w[\w *]*[ *])?(arm_\w+)\(", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LibraryFiles:
    """What to compile with a project, and where its headers are."""

    sources: tuple[Path, ...]
    include_dir: Path


def needed_files(folder: Path | None, project_sources: Iterable[Path]) -> LibraryFiles | None:
    """The library's files that a project calls, and those that these call.

    Names in the text tell which files are needed. A file too many does no harm; one too few would
    not link.

    Args:
        folder: A copy of CMSIS-NN: ``Include`` and ``Source``.
        project_sources: C files of the project.

    Returns:
        ``None`` where the project does not call the library.

    Raises:
        ToolchainError: If it does, and the folder is no copy of CMSIS-NN.
    """
    text = "".join(path.read_text(encoding="utf-8") for path in project_sources)
    if f"<{_HEADER}>" not in text:
        return None
    if folder is None:
        raise ToolchainError(
            "the project calls CMSIS-NN: name a copy of it with --cmsis-nn DIR "
            "(or the environment variable TINYCC_ML_CMSIS_NN)"
        )
    if not (folder / "Include" / _HEADER).is_file():
        raise ToolchainError(f"--cmsis-nn {folder}: there is no Include/{_HEADER} in it")
    return LibraryFiles(tuple(_closure(folder, text)), (folder / "Include").resolve())


def _closure(folder: Path, text: str) -> list[Path]:
    code = {path: _code(path) for path in sorted((folder / "Source").rglob("*.c"))}
    defined = {name: path for path, text in code.items() for name in _DEFINITIONS.findall(text)}
    found: dict[Path, None] = {}
    waiting = [text]
    while waiting:
        names = set(_NAMES.findall(waiting.pop()))
        for path in sorted({defined[name] for name in names & defined.keys()} - found.keys()):
            found[path] = None
            waiting.append(code[path])
    return [path.resolve() for path in found]


def _code(path: Path) -> str:
    """A file without its comments, which name functions too."""
    return _COMMENTS.sub("", path.read_text(encoding="utf-8", errors="replace"))
