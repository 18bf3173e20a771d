"""Writes a project, or brings one up to date in which the user has worked meanwhile.

A record in the project tells what was written. What the user has changed or added is never
overwritten without ``force``, and nothing of it is ever deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tinycc_ml.emit.writer import write_project
from tinycc_ml.errors import OutputError

RECORD_NAME = "tinycc-ml.json"
_GENERATOR = "tinycc-ml"


@dataclass(frozen=True, slots=True)
class Merged:
    """What happened to a project.

    Attributes:
        kept: Files that the user has changed, which were left as they are.
        removed: Files of an earlier time that are not part of the project any more.
    """

    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def merge_project(
    folder: Path,
    kind: str,
    files: Mapping[str, str | bytes],
    generated: frozenset[str],
    *,
    force: bool = False,
) -> Merged:
    """Puts a project into a folder.

    A new folder appears whole or not at all. In one that holds a project of ours, files that are
    as we wrote them are replaced; others stay, if they may.

    Args:
        folder: Where to.
        kind: The kind of project.
        files: Content by path.
        generated: Which files belong to the tool: where the user has changed one of them, nothing
            is written.
        force: Overwrite what the user has changed. Files that are not part of the project stay.

    Raises:
        OutputError: If the folder is somebody else's, or cannot be written.
    """
    try:
        folder = Path(os.path.realpath(folder))
        if not folder.is_dir() or not any(folder.iterdir()):
            write_project(folder, {**files, RECORD_NAME: _record(kind, files, {})})
            return Merged()
        return _update(folder, kind, files, generated, force)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror or error})") from None
    except ValueError as error:
        raise OutputError(f"{str(folder)!r}: cannot be a folder's name ({error})") from None


def _update(
    folder: Path,
    kind: str,
    files: Mapping[str, str | bytes],
    generated: frozenset[str],
    force: bool,
) -> Merged:
    if not (folder / RECORD_NAME).is_file() and not force:
        raise OutputError(
            f"{folder}: exists and is no project of tinycc-ml; choose another folder with -o, or "
            "put the project's files into it with --force"
        )
    written = _read_record(folder) if (folder / RECORD_NAME).is_file() else {}
    changed = [] if force else [p for p in files if _is_changed(folder, p, files[p], written)]
    blocking = [path for path in changed if path in generated or path not in written]
    if blocking:
        raise OutputError(
            f"{folder}: {_list(blocking)} would be overwritten, but changed since it was written, "
            "or is not of tinycc-ml; move it away, or overwrite it with --force"
        )
    removed = []
    for path, digest in written.items():
        if path not in files and _digest_of(folder / path) == digest:
            (folder / path).unlink()
            removed.append(path)
    for path, content in files.items():
        if path not in changed:
            _replace(folder / path, _bytes(content))
    kept = {path: written[path] for path in changed}
    _replace(folder / RECORD_NAME, _record(kind, files, kept).encode())
    return Merged(tuple(changed), tuple(removed))


def _is_changed(folder: Path, path: str, content: str | bytes, written: Mapping[str, str]) -> bool:
    """Whether a file that is there is neither what was written nor what would be."""
    found = _digest_of(folder / path)
    if found is None:
        return (folder / path).exists()
    return found not in (written.get(path), _digest(_bytes(content)))


def _replace(path: Path, content: bytes) -> None:
    """Writes a file, which is never there by half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    return _digest(path.read_bytes()) if path.is_file() else None


def _record(kind: str, files: Mapping[str, str | bytes], kept: Mapping[str, str]) -> str:
    digests = {path: _digest(_bytes(content)) for path, content in files.items()} | dict(kept)
    data = {
        "generator": _GENERATOR,
        "project": kind,
        "about": "What tinycc-ml wrote, so that it can tell what you have changed.",
        "sha256": dict(sorted(digests.items())),
    }
    return json.dumps(data, indent=2) + "\n"


def _read_record(folder: Path) -> dict[str, str]:
    """The digests of what was written.

    Raises:
        OutputError: If the record is damaged, or names files outside of the project.
    """
    path = folder / RECORD_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        digests = data["sha256"] if data["generator"] == _GENERATOR else None
    except (ValueError, KeyError, TypeError, RecursionError):
        digests = None
    if not isinstance(digests, dict) or not all(
        isinstance(digest, str) and _is_inside(name) for name, digest in digests.items()
    ):
        raise OutputError(f"{path}: damaged; delete it and generate with --force") from None
    return digests


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return "\\" not in name and not path.is_absolute() and ".." not in path.parts


def _list(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return paths[0] + more
