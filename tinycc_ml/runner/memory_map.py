"""The linker's memory.ld, from the board's memories."""

from __future__ import annotations

from tinycc_ml.errors import BoardError
from tinycc_ml.targets import Board

# What the harness itself needs, with the frame of a fault on top; a model that needs more shows it
# at run time in the stack's guard words.
LEAST_STACK_BYTES = 4096


def memory_script(board: Board) -> str:
    """Text of memory.ld: the regions, and which of them hold code and data.

    RAM regions that touch are taken as one, so that an arena may lie across them; the largest such
    group holds the data.

    Raises:
        BoardError: If the board has no flash or no RAM.
    """
    flash = [m for m in board.memories if m.kind == "flash"]
    groups = _ram_groups(board)
    if not flash or not groups:
        raise BoardError(f"{board.name}: the firmware needs a memory of kind flash and one of ram")
    code = max(flash, key=lambda m: m.size_bytes)
    origin, size_bytes = max(groups, key=lambda group: group[1])
    return "\n".join(
        (
            f"/* Memories of {board.name}, in bytes. */",
            "MEMORY",
            "{",
            f"  TCML_FLASH (rx)  : ORIGIN = 0x{code.origin:08x}, LENGTH = {code.size_bytes}",
            f"  TCML_RAM   (rwx) : ORIGIN = 0x{origin:08x}, LENGTH = {size_bytes}",
            "}",
            f"TCML_LEAST_STACK_BYTES = {LEAST_STACK_BYTES};",
            "",
        )
    )


def _ram_groups(board: Board) -> list[tuple[int, int]]:
    """Origin and size of each run of RAM regions that touch."""
    groups: list[tuple[int, int]] = []
    for memory in sorted(board.memories, key=lambda m: m.origin):
        if memory.kind not in {"ram", "dtcm"}:
            continue
        if groups and sum(groups[-1]) == memory.origin:
            origin, size_bytes = groups.pop()
            groups.append((origin, size_bytes + memory.size_bytes))
        else:
            groups.append((memory.origin, memory.size_bytes))
    return groups
