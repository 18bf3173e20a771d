"""Step 8 for a whole program: what of it lies in the arena, and where."""

from __future__ import annotations

from typing import Literal

from tinycc_ml.kernels import Program
from tinycc_ml.memplan.execution import Scratch, Step
from tinycc_ml.memplan.plan import MemoryPlan
from tinycc_ml.memplan.planner import plan_memory

Io = Literal["arena", "external"]


def storage_root(program: Program, name: str) -> str:
    """The value whose storage `name` is a view of; `name` itself if it is no view."""
    sources = dict(program.aliases)
    while name in sources:
        name = sources[name]
    return name


def external_values(program: Program, io: Io) -> frozenset[str]:
    """Storage roots that lie in the application's buffers rather than in the arena."""
    if io == "arena":
        return frozenset()
    return frozenset(storage_root(program, name) for name in (*program.inputs, *program.outputs))


def plan_program(program: Program, io: Io) -> MemoryPlan:
    """Places every value and scratch of the program, layer by layer.

    Args:
        program: Calls in execution order.
        io: Whether the model's inputs and outputs lie in the arena, or only in the buffers that
            the application passes.
    """
    external = external_values(program, io)
    inside = {name for name in program.types if storage_root(program, name) not in external}
    steps = tuple(
        Step(
            call.layer,
            tuple(dict.fromkeys(name for name in call.inputs if name in inside)),
            tuple(name for name in call.outputs if name in inside),
            tuple(Scratch(name, size, alignment=4) for name, size in call.scratch),
        )
        for call in program.calls
    )
    return plan_memory(
        steps,
        {name: program.types[name].size_bytes for name in program.types if name in inside},
        inputs=tuple(name for name in program.inputs if name in inside),
        outputs=tuple(dict.fromkeys(name for name in program.outputs if name in inside)),
        views={view: source for view, source in program.aliases if view in inside},
        alignments={name: program.types[name].dtype.size_bytes for name in inside},
    )
