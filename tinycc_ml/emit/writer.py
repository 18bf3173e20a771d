"""Writes a project folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tinycc_ml.emit.manifest import is_ours
from tinycc_ml.errors import OutputError


def write_project(folder: Path, files: Mapping[str, str], *, force: bool = False) -> None:
    """Puts files into a new folder, which appears under its name only when it is complete.

    An existing folder is replaced if this tool wrote it, or if it is empty.

    Args:
        folder: Where to.
        files: Content by file name.
        force: Replace any existing folder.

    Raises:
        OutputError: If the folder is somebody else's, or cannot be written.
    """
    folder = Path(os.path.abspath(folder))
    _check_replaceable(folder, force)
    staging: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        staging.chmod(0o755)
        for name, content in files.items():
            (staging / name).write_text(content, encoding="utf-8", newline="\n")
        _swap(staging, folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _check_replaceable(folder: Path, force: bool) -> None:
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file; choose another folder with -o")
    if force or is_ours(folder) or not any(folder.iterdir()):
        return
    raise OutputError(
        f"{folder}: exists and was not written by tinycc-ml; choose another folder with -o, "
        "or replace it with --force"
    )


def _swap(staging: Path, folder: Path) -> None:
    """Moves the finished folder to its place; the old one is kept until that has happened."""
    if not folder.exists():
        staging.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    folder.rename(old / "project")
    try:
        staging.rename(folder)
    except BaseException:
        with suppress(OSError):
            (old / "project").rename(folder)
        raise
    finally:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
