"""A Makefile for GNU make."""

from __future__ import annotations

from tinycc_ml.emit.projects.kind import Kind

KIND = Kind(
    name="make",
    summary="a Makefile for GNU make",
    library="model",
    selftest="selftest",
    harness="harness",
)
