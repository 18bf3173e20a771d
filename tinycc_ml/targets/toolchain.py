"""Compilers as data. Running them is the runner's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tinycc_ml.targets.core import Family

if TYPE_CHECKING:
    from tinycc_ml.targets.board import Board


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A C compiler.

    Attributes:
        name: What messages call it.
        compiler: The command that compiles and links.
        debian_package: The Debian package that brings the command; empty if none does.
        compile_flags: What compiling takes besides the core's flags: where the headers are.
        link_flags: What linking a firmware takes besides the linker script: the small C library,
            or for a program under Linux its threads.
        explains_stack: Whether it writes frames and calls in a form that we read, and kernels in
            assembly can be read as well.
    """

    name: str
    compiler: str
    debian_package: str
    compile_flags: tuple[str, ...] = ()
    link_flags: tuple[str, ...] = ()
    explains_stack: bool = False


ARM_GCC = Toolchain(
    "GCC for Arm",
    "arm-none-eabi-gcc",
    "gcc-arm-none-eabi",
    link_flags=("-nostartfiles", "--specs=nano.specs"),
    explains_stack=True,
)
RISCV_GCC = Toolchain(
    "GCC for RISC-V",
    "riscv64-unknown-elf-gcc",
    "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
    compile_flags=("--specs=picolibc.specs",),
    link_flags=("-nostartfiles", "--specs=picolibc.specs"),
)
# Linked statically the program runs anywhere, an emulator without the cores' libraries included.
AARCH64_GCC = Toolchain(
    "GCC for 64-bit Arm Linux",
    "aarch64-linux-gnu-gcc",
    "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    link_flags=("-static", "-pthread"),
)
XTENSA_GCC = Toolchain("GCC for Xtensa (of the ESP-IDF)", "xtensa-esp-elf-gcc", "")
HOST_CC = Toolchain("the host's C compiler", "cc", "gcc", link_flags=("-pthread",))

_OF: dict[Family, Toolchain] = {
    "cortex-m": ARM_GCC,
    "riscv": RISCV_GCC,
    "aarch64": AARCH64_GCC,
    "xtensa": XTENSA_GCC,
    "host": HOST_CC,
}


def toolchain_of(board: Board) -> Toolchain:
    """The toolchain that builds for a board."""
    return _OF[board.core_data.family]
