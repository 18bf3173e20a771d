"""Program and memory plan to a C project directory and its manifest."""

from __future__ import annotations

from tinycc_ml.emit.account import Provenance, account
from tinycc_ml.emit.harness_glue import emit_harness_glue
from tinycc_ml.emit.layout import Layout, make_layout
from tinycc_ml.emit.manifest import Manifest, TensorEntry, is_ours, load_manifest
from tinycc_ml.emit.options import ArenaKind, EmitOptions
from tinycc_ml.emit.project import emit_project
from tinycc_ml.emit.shared import SharedProject, emit_shared
from tinycc_ml.emit.writer import write_project
from tinycc_ml.memplan import Io

__all__ = [
    "ArenaKind",
    "EmitOptions",
    "Io",
    "Layout",
    "Manifest",
    "Provenance",
    "SharedProject",
    "TensorEntry",
    "account",
    "emit_harness_glue",
    "emit_project",
    "emit_shared",
    "is_ours",
    "load_manifest",
    "make_layout",
    "write_project",
]
