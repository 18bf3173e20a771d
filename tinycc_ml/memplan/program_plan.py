"""Step 8 for a whole program: what of it lies in the arena, and where."""

from __future__ import annotations

from collections.abc import Set
from typing import Literal

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.kernels import Call, Program
from tinycc_ml.loopir import Role
from tinycc_ml.memplan.execution import OrderedRead, Scratch, Step, WriteOrder
from tinycc_ml.memplan.plan import MemoryPlan
from tinycc_ml.memplan.planner import plan_memory

Io = Literal["arena", "external"]
#: What a plan is made for. ``latency``: layer by layer. ``ram``: outputs also over dying inputs.
#: ``auto``: as for latency, unless only the other fits the board.
Optimize = Literal["auto", "latency", "ram"]


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


def plan_program(program: Program, io: Io, *, overlap: bool = False) -> MemoryPlan:
    """Places every value and scratch of the program, layer by layer.

    Args:
        program: Calls in execution order.
        io: Whether the model's inputs and outputs lie in the arena, or only in the buffers that
            the application passes.
        overlap: Whether an output may lie over inputs that die in its layer.
    """
    external = external_values(program, io)
    inside = {name for name in program.types if storage_root(program, name) not in external}
    steps = tuple(
        Step(
            call.layer,
            tuple(dict.fromkeys(name for name in call.inputs if name in inside)),
            tuple(name for name in call.outputs if name in inside),
            tuple(Scratch(name, size, alignment=4) for name, size in call.scratch),
            _order(program, call, inside) if overlap else None,
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


def _order(program: Program, call: Call, inside: Set[str]) -> WriteOrder | None:
    """The access order of a call's kernel in bytes; ``None`` where nothing can overlap.

    Raises:
        InternalError: If the kernel's steps do not make up its output.
    """
    if len(call.outputs) != 1 or call.outputs[0] not in inside:
        return None
    kernel = program.functions[call.function]
    access, output = kernel.access, program.types[call.outputs[0]]
    turns, rest = divmod(output.elements, access.step_elements)
    if rest:
        raise InternalError(
            f"{call.layer}: kernel {kernel.definition} writes {access.step_elements} elements in "
            f"each step, its output has {output.elements}"
        )
    roles = (b.name for b in kernel.loops.buffers if b.role is Role.INPUT)
    names = dict(zip(roles, call.inputs, strict=True))
    return WriteOrder(
        turns,
        access.step_elements * output.dtype.size_bytes,
        tuple(
            OrderedRead(names[role], pattern, program.types[names[role]].dtype.size_bytes)
            for role, pattern in access.inputs
            if names[role] in inside and _may_alias(program.types[names[role]].dtype, output.dtype)
        ),
        access.reads_first,
        access.pixel_elements * output.dtype.size_bytes,
    )


def _may_alias(first: DType, second: DType) -> bool:
    """Whether a C compiler lets two pointers to these types lead to the same bytes.

    It may take for granted that an ``int32_t`` and a ``float`` are never at one place, and move
    loads over stores; bytes are exempt from that rule.
    """
    return first is second or 1 in (first.size_bytes, second.size_bytes)
