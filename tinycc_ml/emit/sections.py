"""Sections of the generated C that a linker script may place, and what the templates say of them.

Names without a model's name, so that one linker fragment serves all models of a program.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tinycc_ml.emit.layout import Layout

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


def copied_sections_of(layout: Layout) -> tuple[Section, ...]:
    """The sections whose content start-up code has to copy."""
    placement = layout.placement
    return (
        *((_copied("hot_code", "kernels", placement.code_memory),) if placement.functions else ()),
        *((_copied("hot_weights", "weights and tables", ""),) if placement.constants else ()),
    )


def placement_context(sections: Sequence[Section]) -> dict[str, Any]:
    """What the templates want to know about the sections."""
    outputs = {section.output for section in sections}
    return {
        "hot_code": "tcml_hot_code" in outputs,
        "hot_weights": "tcml_hot_weights" in outputs,
        "sections": sections,
        "copied_sections": [section for section in sections if section.is_copied],
    }


def _copied(kind: str, holds: str, memory: str) -> Section:
    name = f"tcml_{kind}"
    return Section(f".{name}", name, name.upper(), holds, memory, True)


def arena_section(memory: str, suffix: str = "") -> Section:
    """Where an array goes that is meant for one of the board's memories.

    Args:
        memory: The memory's name.
        suffix: Of the array's names.
    """
    holds = f"the arena's part for {memory}" if suffix else "the arena"
    # By its name a section without data, for linker scripts that do not know it.
    output = f"tcml_arena{suffix}"
    return Section(f".bss.{output}", output, output.upper(), holds, memory, False)
