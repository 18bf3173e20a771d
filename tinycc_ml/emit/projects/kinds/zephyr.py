"""A Zephyr module with a sample."""

from __future__ import annotations

from tinycc_ml.emit.projects.kind import Kind

KIND = Kind(
    name="zephyr",
    summary="a Zephyr module with a sample",
    library="model",
    selftest="samples/selftest/src",
)
