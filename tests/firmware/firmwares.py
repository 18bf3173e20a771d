"""Builds the test models into firmwares, once per worker."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from tinycc_ml.runner.firmware import FirmwareImage, build_firmware
from tinycc_ml.targets import load_board

HERE = Path(__file__).parent
EMULATED = (
    *("mps2-an385", "mps2-an386", "mps2-an500", "mps3-an547"),
    *("qemu-rv32", "qemu-rv64", "qemu-rv64-v"),
)
INPUT_BYTES = 3000
STACK_BYTES = 2000
MODE_NORMAL, MODE_FAULT, MODE_BAD_ADDRESS, MODE_HANG, MODE_STACK, MODE_ERROR = range(6)

WARNINGS = (
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wmissing-prototypes",
    "-Wundef",
    "-Werror",
)

_FOLDER = tempfile.TemporaryDirectory(prefix="tinycc-ml-firmwares-")


@cache
def fake_firmware(board: str, *, optimize: str = "-O2", trace: bool = True) -> FirmwareImage:
    """The fake model for a board."""
    return _build("fake", board, ("fake_model.c", "fake_glue.c"), 3, optimize, trace)


@cache
def nop_firmware(board: str) -> FirmwareImage:
    """The model of known instruction counts for a board."""
    return _build("nops", board, ("nop_model.c",), 14, "-O2", True)


def _build(
    name: str, board: str, sources: tuple[str, ...], layers: int, optimize: str, trace: bool
) -> FirmwareImage:
    folder = Path(_FOLDER.name) / f"{name}-{board}{optimize}-{trace}"
    return build_firmware(
        [HERE / source for source in sources],
        [HERE],
        load_board(board),
        folder,
        layer_count=layers,
        extra_flags=WARNINGS,
        optimize=optimize,
        trace=trace,
    )


def fake_input(seed: int = 1) -> bytes:
    """A model input with every byte value in it."""
    return bytes((seed + 7 * i + i // 256) % 256 for i in range(INPUT_BYTES))


def fake_layers(data: bytes) -> list[bytes]:
    """What each layer of the fake model must give."""
    plus_one = bytes((b + 1) % 256 for b in data)
    tripled = bytes(3 * b % 256 for b in plus_one)
    return [plus_one, tripled, tripled[::-1]]
