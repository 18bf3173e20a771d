"""What was placed where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """What does not stay in flash; all of it does by default.

    Attributes:
        functions: Indices of the program's functions whose code is copied to RAM at start-up.
        intrinsics: Names of the intrinsics that are copied with them.
        constants: Names of the constants that are copied to RAM at start-up.
        code_bytes: Estimated size of the copied code.
        constant_bytes: Size of the copied constants.
        code_memory: The board's memory that the code is meant for; empty where none is copied.
        arena_memory: The board's memory that the arena is meant for; empty where all are alike.
    """

    functions: frozenset[int] = frozenset()
    intrinsics: frozenset[str] = frozenset()
    constants: frozenset[str] = frozenset()
    code_bytes: int = 0
    constant_bytes: int = 0
    code_memory: str = ""
    arena_memory: str = ""
