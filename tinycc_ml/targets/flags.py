"""What a board's core can do, and the compiler flags that select it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinycc_ml.targets.core import CORES

if TYPE_CHECKING:
    from tinycc_ml.targets.board import Board


def features(board: Board) -> frozenset[str]:
    """Instruction-set features that kernels may require on this board."""
    return core_features(board.core, has_fpu=board.fpu != "none")


def core_features(core: str, *, has_fpu: bool) -> frozenset[str]:
    """Instruction-set features that kernels may require of a core.

    Without a floating-point unit the compiler is told `-mfloat-abi=soft`, which also turns off
    the vector registers that MVE lives in. ``fpu`` is the unit of cores with Thumb-2 for single
    precision, whose instructions our assembly uses.
    """
    known = CORES[core].features
    if not has_fpu or set(CORES[core].fpu_flags) == {"none"}:
        return known - {"mve"}
    return known | {"fpu"} if "thumb2" in known else known


def compile_flags(board: Board) -> tuple[str, ...]:
    """Flags that make the compiler write code for this board.

    The core's flags, then those of its floating-point unit, then the board's own. An emulated
    board keeps its own flags: `emulator.firmware_of` only lends memories, start-up code and port.
    """
    core = CORES[board.core]
    return (*core.flags, *core.fpu_flags[board.fpu], *board.compiler_flags)
