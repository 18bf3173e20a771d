"""`manifest.json`: what was generated, for tools; version 1, described in docs/manifest.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tinycc_ml.errors import OutputError

FILE_NAME = "manifest.json"
VERSION = 1
#: Who writes such files.
GENERATOR = "tinycc-ml"
#: Python types by annotation.
_SCALARS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "int | None": (int, type(None)),
    "float | None": (float, int, type(None)),
}


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
class StateEntry:
    """Something that outlives an inference, and its place in the state area."""

    value: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int
    offset_bytes: int


@dataclass(frozen=True, slots=True)
class ArenaEntry:
    """An array of an arena that lies in several memories."""

    name: str
    memory: str
    size_bytes: int
    alignment: int


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
    group: tuple[str, ...] = ()


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
    plan_method: str
    arena_bytes: int
    scratch_bytes: int
    lower_bound_bytes: int
    gap_bytes: int
    arena_alignment: int
    states: tuple[StateEntry, ...]
    state_bytes: int
    state_alignment: int
    weight_bytes: int
    macs: int
    layers: tuple[LayerEntry, ...]
    refusals: tuple[RefusalEntry, ...]
    hot_functions: tuple[str, ...]
    hot_weights: tuple[str, ...]
    hot_weight_bytes: int
    code_memory: str
    arena_memory: str
    input_rows: int = 0
    activation_bytes: int = 0
    shared_arena: str = ""
    arenas: tuple[ArenaEntry, ...] = ()

    def to_json(self) -> str:
        """The text of the file; the same project gives the same bytes."""
        data = {"generator": GENERATOR, "manifest_version": VERSION, **asdict(self)}
        return json.dumps(data, indent=2) + "\n"


def is_ours(folder: Path) -> bool:
    """Whether a folder was written by this tool: it holds a manifest that says so."""
    try:
        return bool(_read(folder / FILE_NAME).get("generator") == GENERATOR)
    except OutputError:
        return False


def foreign_entries(folder: Path) -> list[str]:
    """What lies in a folder that :func:`is_ours` beside the files that its manifest names."""
    files = _read(folder / FILE_NAME).get("files")
    ours = {FILE_NAME, "README.md", "library.json", *(files if isinstance(files, list) else ())}
    return sorted(path.name for path in folder.iterdir() if path.name not in ours)


def load_manifest(folder: Path) -> Manifest:
    """Reads the manifest of a generated project.

    Raises:
        OutputError: If there is none, or it was not written by this version of the format.
    """
    path = folder / FILE_NAME
    data = _read(path)
    version = data.pop("manifest_version", None)
    if data.pop("generator", None) != GENERATOR or version != VERSION:
        raise OutputError(
            f"{path}: manifest version {version!r}; this tool reads version {VERSION}; "
            "run `tinycc-ml gen` again"
        )
    try:
        _check_scalars(Manifest, data)
        return Manifest(
            **{
                **data,
                "files": _strings(data["files"]),
                "inputs": _entries(TensorEntry, data["inputs"]),
                "outputs": _entries(TensorEntry, data["outputs"]),
                "states": _entries(StateEntry, data["states"]),
                "layers": _entries(LayerEntry, data["layers"]),
                "arenas": _entries(ArenaEntry, data["arenas"]),
                "refusals": _entries(RefusalEntry, data["refusals"]),
                "hot_functions": _strings(data["hot_functions"]),
                "hot_weights": _strings(data["hot_weights"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise OutputError(f"{path}: damaged ({error}); run `tinycc-ml gen` again") from None


def _entries(kind: type[Any], rows: Any) -> tuple[Any, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise TypeError("a list of objects is something else")
    for row in rows:
        _check_scalars(kind, row)
    return tuple(kind(**{k: _frozen(v) for k, v in row.items()}) for row in rows)


def _strings(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise TypeError("a list of names is something else")
    return tuple(values)


def _check_scalars(kind: type[Any], row: Mapping[str, Any]) -> None:
    """Checks what JSON does not: that numbers are numbers and names are strings."""
    for field in fields(kind):
        allowed = _SCALARS.get(str(field.type))
        if allowed is not None and not isinstance(row[field.name], allowed):
            raise TypeError(f"{field.name} is {str(row[field.name])[:40]!r}")


def _frozen(value: Any) -> Any:
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise OutputError(f"{path}: no readable manifest ({error})") from None
    if not isinstance(data, dict):
        raise OutputError(f"{path}: no manifest")
    return data
