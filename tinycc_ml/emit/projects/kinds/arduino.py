"""An Arduino library with the self-test as its example."""

from __future__ import annotations

from tinycc_ml.emit.projects.kind import Kind

KIND = Kind(
    name="arduino",
    summary="an Arduino library with an example",
    library="src",
    selftest="src",
)
