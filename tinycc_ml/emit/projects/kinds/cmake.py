"""A CMake project with presets for the board, the host and the emulator."""

from __future__ import annotations

from tinycc_ml.emit.projects.kind import Kind

KIND = Kind(
    name="cmake",
    summary="CMake with presets and toolchain files for GCC and Clang",
    library="model",
    selftest="selftest",
    harness="harness",
)
