"""Shells around the generated files, one for each build system: `gen --project`."""

from __future__ import annotations

from tinycc_ml.emit.projects.golden import GoldenSample, golden_samples
from tinycc_ml.emit.projects.kind import Files, Kind
from tinycc_ml.emit.projects.machine import Machine
from tinycc_ml.emit.projects.merge import Merged, merge_project
from tinycc_ml.emit.projects.registry import KIND_NAMES, find_kind
from tinycc_ml.emit.projects.shell import Shell, emit_shell

__all__ = [
    "KIND_NAMES",
    "Files",
    "GoldenSample",
    "Kind",
    "Machine",
    "Merged",
    "Shell",
    "emit_shell",
    "find_kind",
    "golden_samples",
    "merge_project",
]
