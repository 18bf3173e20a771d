"""Writes a project folder whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tinycc_ml.emit.manifest import foreign_entries, is_ours
from tinycc_ml.emit.text import comment_safe
from tinycc_ml.errors import OutputError


def write_project(folder: Path, files: Mapping[str, str | bytes], *, force: bool = False) -> None:
    """Puts files into a new folder, which appears under its name only when it is complete.

    An existing folder is replaced if it is empty, or if this tool wrote everything in it. A link
    to a folder stays a link.

    Args:
        folder: Where to.
        files: Content by file name, or by path with `/`.
        force: Replace any existing folder.

    Raises:
        OutputError: If the folder is somebody else's, or cannot be written.
    """
    staging: Path | None = None
    try:
        folder = Path(os.path.realpath(folder))
        _check_replaceable(folder, force)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        staging.chmod(0o755)
        for name, content in files.items():
            _write(staging / name, content)
        _swap(staging, folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from None
    except ValueError as error:
        raise OutputError(f"{str(folder)!r}: cannot be a folder's name ({error})") from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8", newline="\n")


def _check_replaceable(folder: Path, force: bool) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(f"{folder}: is a file; choose another folder with -o")
    if force or not any(folder.iterdir()):
        return
    if not is_ours(folder):
        raise OutputError(
            f"{folder}: exists and was not written by tinycc-ml; choose another folder with -o, "
            "or replace it with --force"
        )
    foreign = foreign_entries(folder)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise OutputError(
            f"{folder}: holds {comment_safe(foreign[0])}{more}, not written by tinycc-ml; choose "
            "another folder with -o, or delete that too with --force"
        )


def _swap(staging: Path, folder: Path) -> None:
    """Moves the finished folder to its place; the old one is kept until that has happened."""
    if not folder.exists():
        staging.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
    kept = old / "project"
    try:
        folder.rename(kept)
        staging.rename(folder)
    except BaseException:
        if kept.exists():
            with suppress(OSError):
                kept.rename(folder)
        raise
    finally:
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
