"""An ESP-IDF project: the model as a component, the self-test as its program."""

from __future__ import annotations

from tinycc_ml.emit.projects.kind import Kind

KIND = Kind(
    name="esp-idf",
    summary="an ESP-IDF project with the model as a component",
    library="components/{model}",
    selftest="main",
)
