"""`manifest.json` of a folder of several models that share an arena; see docs/manifest.md."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from tinycc_ml.emit.manifest import GENERATOR, VERSION, Manifest


@dataclass(frozen=True, slots=True)
class SharedManifest:
    """The account of the folder, with that of each model.

    Attributes:
        name: Prefix of the arena's names.
        files: All generated files but the account and the README.
        arena_bytes: Size of the arena: what the largest model needs.
        arena_alignment: Its alignment.
        arena_memory: The board's memory that it is meant for; empty where all are alike.
        state_bytes: What all models keep from one inference to the next.
        weight_bytes: The constants of all models.
        models: The account of each.
    """

    name: str
    files: tuple[str, ...]
    arena_bytes: int
    arena_alignment: int
    arena_memory: str
    state_bytes: int
    weight_bytes: int
    models: tuple[Manifest, ...]

    def to_json(self) -> str:
        """The text of the file; the same project gives the same bytes."""
        data = {"generator": GENERATOR, "manifest_version": VERSION, **asdict(self)}
        return json.dumps(data, indent=2) + "\n"
