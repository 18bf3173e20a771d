"""Compilers as data. Running them is the runner's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinycc_ml.targets.board import Board


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A C compiler.

    Attributes:
        name: What messages call it.
        compiler: The command that compiles and links.
        debian_package: The Debian package that brings the command.
    """

    name: str
    compiler: str
    debian_package: str


ARM_GCC = Toolchain("GCC for Arm", "arm-none-eabi-gcc", "gcc-arm-none-eabi")
HOST_CC = Toolchain("the host's C compiler", "cc", "gcc")


def toolchain_of(board: Board) -> Toolchain:
    """The toolchain that builds for a board."""
    return HOST_CC if board.is_host else ARM_GCC
