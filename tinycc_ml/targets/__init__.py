"""Boards, cores and toolchains as validated data.

The models of `board.py` load on first use: they need pydantic, which the command line should not
pay for before it reads a board.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinycc_ml.targets.core import CORES, Core
from tinycc_ml.targets.flags import compile_flags, core_features, features
from tinycc_ml.targets.loader import list_boards, load_board, parse_board
from tinycc_ml.targets.regions import (
    Region,
    arena_region,
    code_region,
    data_block,
    data_regions,
    ram_blocks,
)
from tinycc_ml.targets.toolchain import (
    AARCH64_GCC,
    ARM_GCC,
    HOST_CC,
    RISCV_GCC,
    Toolchain,
    toolchain_of,
)

if TYPE_CHECKING:
    from tinycc_ml.targets.board import (
        Board,
        Caches,
        Debug,
        Emulator,
        Firmware,
        Memory,
        PlatformIO,
        Source,
    )

__all__ = [
    "AARCH64_GCC",
    "ARM_GCC",
    "CORES",
    "HOST_CC",
    "RISCV_GCC",
    "Board",
    "Caches",
    "Core",
    "Debug",
    "Emulator",
    "Firmware",
    "Memory",
    "PlatformIO",
    "Region",
    "Source",
    "Toolchain",
    "arena_region",
    "code_region",
    "compile_flags",
    "core_features",
    "data_block",
    "data_regions",
    "features",
    "list_boards",
    "load_board",
    "parse_board",
    "ram_blocks",
    "toolchain_of",
]


_DATA_CLASSES = frozenset(
    {"Board", "Caches", "Debug", "Emulator", "Firmware", "Memory", "PlatformIO", "Source"}
)


def __getattr__(name: str) -> object:
    if name in {
        "Board",
        "Caches",
        "Debug",
        "Emulator",
        "Firmware",
        "Memory",
        "PlatformIO",
        "Source",
    }:
        from tinycc_ml.targets import board

        return getattr(board, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
