"""The linker's memory.ld, from the board's memories."""

from __future__ import annotations

from collections.abc import Mapping

from tinycc_ml.errors import BoardError
from tinycc_ml.targets import (
    Board,
    Region,
    arena_region,
    code_region,
    data_block,
    data_regions,
    ram_blocks,
)

# What the harness itself needs, with the frame of a fault on top; a model that needs more shows it
# at run time in the stack's guard words.
LEAST_STACK_BYTES = 4096


def memory_script(
    board: Board, arena_bytes: int = 0, arenas: Mapping[str, str] | None = None
) -> str:
    """Text of memory.ld: the regions, and which of them hold code, data, arena and copied code.

    RAM regions that touch are taken as one, so that an arena may lie across them; the largest such
    group holds the data. An arena for which that group has the fastest place needs no region of
    its own: it comes first there.

    Args:
        board: The board.
        arena_bytes: Size of the arena, which goes to the fastest region in which it fits.
        arenas: Where the arena is several arrays: what the linker fragment calls the memory of
            each, and the name of the region; one that the board does not have is its data RAM.

    Raises:
        BoardError: If the board has no flash or no RAM.
    """
    flash = [m for m in board.memories if m.kind == "flash"]
    if not flash or not ram_blocks(board):
        raise BoardError(f"{board.name}: the firmware needs a memory of kind flash and one of ram")
    largest = max(flash, key=lambda m: m.size_bytes)
    data = data_block(board)
    code = Region(largest.name, largest.origin, largest.size_bytes)
    regions = [_line("TCML_FLASH (rx)", code), _line("TCML_RAM   (rwx)", data)]
    aliases = ['REGION_ALIAS("TCML_HOT_WEIGHTS", TCML_RAM)']
    wanted = {"TCML_HOT_CODE": code_region(board), "TCML_ARENA": arena_region(board, arena_bytes)}
    if arenas:
        own = {region.name: region for region in data_regions(board)}
        del wanted["TCML_ARENA"]
        wanted |= {alias: own.get(name) for alias, name in arenas.items()}
    for name, region in wanted.items():
        if region is None or data.holds(region):
            aliases.append(f'REGION_ALIAS("{name}", TCML_RAM)')
        else:
            regions.append(_line(f"{name} (rwx)", region))
    return "\n".join(
        (
            f"/* Memories of {board.name}, in bytes. */",
            "MEMORY",
            "{",
            *regions,
            "}",
            *aliases,
            f"TCML_LEAST_STACK_BYTES = {LEAST_STACK_BYTES};",
            "",
        )
    )


def _line(name: str, region: Region) -> str:
    return f"  {name:<16} : ORIGIN = 0x{region.origin:08x}, LENGTH = {region.size_bytes}"
