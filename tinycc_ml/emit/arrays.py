"""The arrays of the arena in C: one, or one for each memory that it lies in."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.emit.layout import Layout, array_suffix
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.sections import Section, arena_section, copied_sections_of
from tinycc_ml.emit.text import block_comment


@dataclass(frozen=True, slots=True)
class ArenaArray:
    """An array of the arena.

    Attributes:
        local: The pointer to it in the generated functions, and the field of a context.
        expression: Its first byte.
        symbol: The static array.
        macro: The prefix of its macros: ``KWS_ARENA``.
        attribute: The macro that places it.
        section: The section by default; empty for none.
        comment: What stands above the macro that places it.
        size_bytes: Its size.
        memory: The board's memory that it is meant for; empty where all are alike.
    """

    local: str
    expression: str
    symbol: str
    macro: str
    attribute: str
    section: str
    comment: str
    size_bytes: int
    memory: str


def arena_arrays(layout: Layout, options: EmitOptions) -> tuple[ArenaArray, ...]:
    """The arrays, those of the fastest memories first; none where nothing lies in the arena."""
    plan = layout.plan
    if plan.arena_bytes == 0:
        return ()
    if not plan.regions:
        return (_array(layout, options, "", plan.arena_bytes, layout.placement.arena_memory),)
    return tuple(
        _array(layout, options, array_suffix(region.name), region.size_bytes, region.name)
        for region in plan.regions
    )


def _arena_sections(layout: Layout, options: EmitOptions) -> tuple[Section, ...]:
    """The sections that the arrays make by default."""
    if options.arena == "caller" or options.shared:
        return ()
    if layout.plan.regions:
        return tuple(arena_section(r.name, array_suffix(r.name)) for r in layout.plan.regions)
    memory = layout.placement.arena_memory if layout.plan.arena_bytes else ""
    return (arena_section(memory),) if memory else ()


def sections_of(layout: Layout, options: EmitOptions) -> tuple[Section, ...]:
    """The sections that the generated files make.

    The arena first: where regions touch, the fast one has the lower addresses.
    """
    return (*_arena_sections(layout, options), *copied_sections_of(layout))


def array_comment(memory: str) -> str:
    """What stands above the macro that places an array that is meant for a memory."""
    if not memory:
        return ""
    return block_comment(
        [
            f"Meant for {memory}, as README.md tells; a linker script that does not know the "
            "section takes it for .bss. Define it to place the arena elsewhere."
        ]
    )


def _array(
    layout: Layout, options: EmitOptions, end: str, size_bytes: int, memory: str
) -> ArenaArray:
    model = layout.program.name
    symbol = f"{options.shared or model}_arena{end}"
    local = f"arena{end}"
    return ArenaArray(
        local,
        f"context->{local}" if options.arena == "caller" else f"{symbol}.bytes",
        symbol,
        f"{model}_arena{end}".upper(),
        f"TCML_ARENA{end.upper()}_ATTRIBUTE",
        arena_section(memory, end).name if memory else "",
        array_comment(memory),
        size_bytes,
        memory,
    )
