"""Finds the kinds of projects: every module of `kinds/` defines one as ``KIND``."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tinycc_ml.emit.projects import kinds
from tinycc_ml.emit.projects.kind import Kind

#: What `--project` takes; the modules are called like the kinds, with ``_`` for ``-``.
KIND_NAMES = tuple(
    sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(kinds.__path__))
)


def find_kind(name: str) -> Kind:
    """The kind of that name, one of :data:`KIND_NAMES`."""
    kind = import_module(f"{kinds.__name__}.{name.replace('-', '_')}").KIND
    assert isinstance(kind, Kind) and kind.name == name
    return kind
