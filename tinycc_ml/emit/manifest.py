"""`manifest.json`: what was generated, for tools; version 1, described in docs/manifest.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinycc_ml.errors import OutputError

FILE_NAME = "manifest.json"
VERSION = 1
_GENERATOR = "tinycc-ml"


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A model input or output, as a parameter of ``run``."""

    name: str
    value: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int
    scale: float | None
    zero_point: int | None


@dataclass(frozen=True, slots=True)
class LayerEntry:
    """One layer, in execution order."""

    name: str
    op: str
    origin: str
    origin_index: int
    kernel: str
    schedule: str
    function: str
    output: str
    input_shapes: tuple[tuple[int, ...], ...]
    output_shapes: tuple[tuple[int, ...], ...]
    macs: int
    weight_bytes: int
    scratch_bytes: int


@dataclass(frozen=True, slots=True)
class RefusalEntry:
    """A rewrite or kernel that was not taken."""

    where: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The account of one generated project."""

    tool_version: str
    name: str
    model_file: str
    model_sha256: str
    board: str
    core: str
    arena: str
    io: str
    files: tuple[str, ...]
    inputs: tuple[TensorEntry, ...]
    outputs: tuple[TensorEntry, ...]
    arena_bytes: int
    scratch_bytes: int
    lower_bound_bytes: int
    gap_bytes: int
    arena_alignment: int
    weight_bytes: int
    macs: int
    layers: tuple[LayerEntry, ...]
    refusals: tuple[RefusalEntry, ...]

    def to_json(self) -> str:
        """The text of the file; the same project gives the same bytes."""
        data = {"generator": _GENERATOR, "manifest_version": VERSION, **asdict(self)}
        return json.dumps(data, indent=2) + "\n"


def is_ours(folder: Path) -> bool:
    """Whether a folder was written by this tool: it holds a manifest that says so."""
    try:
        return bool(_read(folder / FILE_NAME).get("generator") == _GENERATOR)
    except OutputError:
        return False


def load_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a generated project.

    Raises:
        OutputError: If there is none, or it was not written by this version of the format.
    """
    path = folder / FILE_NAME
    data = _read(path)
    version = data.pop("manifest_version", None)
    if data.pop("generator", None) != _GENERATOR or version != VERSION:
        raise OutputError(
            f"{path}: manifest version {version!r}; this tool reads version {VERSION}; "
            "run `tinycc-ml gen` again"
        )
    try:
        return Manifest(
            **{
                **data,
                "files": tuple(data["files"]),
                "inputs": _entries(TensorEntry, data["inputs"]),
                "outputs": _entries(TensorEntry, data["outputs"]),
                "layers": _entries(LayerEntry, data["layers"]),
                "refusals": _entries(RefusalEntry, data["refusals"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise OutputError(f"{path}: damaged ({error}); run `tinycc-ml gen` again") from None


def _entries(kind: type[Any], rows: list[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**{k: _frozen(v) for k, v in row.items()}) for row in rows)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: no readable manifest ({error})") from None
    if not isinstance(data, dict):
        raise OutputError(f"{path}: no manifest")
    return data
