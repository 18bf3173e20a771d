"""What the user may choose about the generated C."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tinycc_ml.memplan import Io

ArenaKind = Literal["static", "caller"]


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """Choices about the interface of the generated code.

    Attributes:
        arena: ``static``: one array in the generated file. ``caller``: the application supplies
            the memory through a context, so that the code is re-entrant.
        io: ``arena``: inputs and outputs lie in the arena; ``run`` copies from and to the
            application's buffers unless these are the arena's own. ``external``: the layers read
            and write the application's buffers.
        shared: The prefix of the arena that the model shares with others; empty where it has one of
            its own.
    """

    arena: ArenaKind = "static"
    io: Io = "arena"
    shared: str = ""
