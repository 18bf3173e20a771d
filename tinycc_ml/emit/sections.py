"""Sections of the generated C that a linker script may place, and what the templates say of them.

Names without a model's name, so that one linker fragment serves all models of a program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinycc_ml.emit.layout import Layout
from tinycc_ml.emit.options import EmitOptions
from tinycc_ml.emit.text import block_comment

#: Stands above the definition of what is copied to RAM.
HOT_CODE_MACRO = "TCML_HOT_CODE_ATTRIBUTE"


@dataclass(frozen=True, slots=True)
class Section:
    """A section of its own.

    Attributes:
        name: In the C files.
        output: In the linked program, without the leading dot.
        region: What the linker fragment calls the memory.
        holds: What is in it.
        memory: Which of the board's memories it is meant for; empty for any data RAM.
        is_copied: Whether start-up code has to copy it from flash.
    """

    name: str
    output: str
    region: str
    holds: str
    memory: str
    is_copied: bool


def fragment_name(model: str) -> str:
    """The name of the linker fragment among the generated files."""
    return f"{model}_sections.ld"


def sections_of(layout: Layout, options: EmitOptions) -> tuple[Section, ...]:
    """The sections that the generated files make."""
    placement = layout.placement
    has_arena = layout.plan.arena_bytes > 0 and options.arena == "static" and not options.shared
    arena_memory = placement.arena_memory if has_arena else ""
    # The arena first: where regions touch, the fast one has the lower addresses.
    return (
        *((arena_section(arena_memory),) if arena_memory else ()),
        *((_copied("hot_code", "kernels", placement.code_memory),) if placement.functions else ()),
        *((_copied("hot_weights", "weights and tables", ""),) if placement.constants else ()),
    )


def placement_context(sections: Sequence[Section]) -> dict[str, Any]:
    """What the templates want to know about the sections."""
    memories = {section.output: section.memory for section in sections}
    return {
        "hot_code": "tcml_hot_code" in memories,
        "hot_weights": "tcml_hot_weights" in memories,
        "arena_memory_comment": _arena_comment(memories.get("tcml_arena", "")),
        "sections": sections,
        "copied_sections": [section for section in sections if section.is_copied],
    }


def _arena_comment(memory: str) -> str:
    """What stands above the macro that places the arena."""
    if not memory:
        return ""
    return block_comment(
        [
            f"Meant for {memory}, as README.md tells; a linker script that does not know the "
            "section takes it for .bss. Define it to place the arena elsewhere."
        ]
    )


def _copied(kind: str, holds: str, memory: str) -> Section:
    name = f"tcml_{kind}"
    return Section(f".{name}", name, name.upper(), holds, memory, True)


def arena_section(memory: str) -> Section:
    """Where an array goes that is meant for one of the board's memories."""
    # By its name a section without data, for linker scripts that do not know it.
    return Section(".bss.tcml_arena", "tcml_arena", "TCML_ARENA", "the arena", memory, False)
