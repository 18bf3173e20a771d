"""Step 8 for a whole program: what of it lies in the arena, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Literal

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.graph import TensorType
from tinycc_ml.kernels import Call, Program
from tinycc_ml.loopir import Role
from tinycc_ml.memplan.check_pushed import check_pushed
from tinycc_ml.memplan.check_rows import check_rows
from tinycc_ml.memplan.execution import (
    Execution,
    KeptState,
    OrderedRead,
    Scratch,
    Step,
    WriteOrder,
)
from tinycc_ml.memplan.lifespan import plan_problem
from tinycc_ml.memplan.plan import MemoryPlan
from tinycc_ml.memplan.planner import plan_execution, plan_in_regions
from tinycc_ml.memplan.portfolio import best_placement
from tinycc_ml.memplan.regions import RegionLimit
from tinycc_ml.memplan.skyline import Budget
from tinycc_ml.ops import Access

#: Where inputs and outputs live. ``arena``: there. ``external``: in the application's buffers.
#: ``rows``: the input nowhere as a whole, as the application pushes its rows; outputs in the arena.
Io = Literal["arena", "external", "rows"]
#: What a plan is made for. ``latency``: layer by layer. ``ram``: outputs also over dying inputs,
#: and layers row by row. ``auto``: as for latency, unless only the others fit the board.
#: ``balanced``: as for RAM, with at most 10 % more estimated cycles. ``flash``: as
#: ``auto``; it is for the choice of kernels.
Optimize = Literal["auto", "latency", "balanced", "ram", "flash"]


def storage_root(program: Program, name: str) -> str:
    """The value whose storage `name` is a view of; `name` itself if it is no view."""
    sources = dict(program.aliases)
    while name in sources:
        name = sources[name]
    return name


def external_values(program: Program, io: Io) -> frozenset[str]:
    """Storage roots that lie in the application's buffers or in the state area."""
    if io == "arena":
        return state_values(program)
    names = program.inputs if io == "rows" else (*program.inputs, *program.outputs)
    return state_values(program) | frozenset(storage_root(program, name) for name in names)


def state_values(program: Program) -> frozenset[str]:
    """Storage roots that lie in the state area."""
    return frozenset(name for state in program.states for name in (state.value, state.next))


def pushed_values(program: Program, io: Io) -> frozenset[str]:
    """The values whose rows the application pushes: the inputs and views of them."""
    if io != "rows":
        return frozenset()
    roots = {storage_root(program, name) for name in program.inputs}
    return frozenset(name for name in program.types if storage_root(program, name) in roots)


def plan_program(program: Program, io: Io, *, overlap: bool = False) -> MemoryPlan:
    """Places every value and scratch of the program, layer by layer.

    Args:
        program: Calls in execution order.
        io: Whether the model's inputs and outputs lie in the arena, or only in the buffers that
            the application passes.
        overlap: Whether an output may lie over inputs that die in its layer.
    """
    inside = values_in_arena(program, io)
    for call in program.calls:
        if call.group:
            check_rows(call.layer, program.functions[call.function])
        if call.pushed:
            check_pushed(call.layer, program.functions[call.function], call.pushed)
    return plan_steps(
        program,
        tuple(program_step(program, call, inside, overlap=overlap) for call in program.calls),
        inside,
    )


def plan_program_in_regions(
    program: Program,
    io: Io,
    limits: Sequence[RegionLimit],
    heat: Mapping[str, int],
    *,
    overlap: bool,
) -> MemoryPlan | None:
    """Places every value and scratch of the program in arrays in several memories.

    Args:
        program: Calls in execution order.
        io: As for :func:`plan_program`, which has checked the program's groups.
        limits: The memories, the fastest first.
        heat: Bytes that an inference moves to and from each value and scratch.
        overlap: Whether an output may lie over inputs that die in its layer.

    Returns:
        ``None`` if they do not fit.
    """
    inside = values_in_arena(program, io)
    steps = tuple(program_step(program, c, inside, overlap=overlap) for c in program.calls)
    return plan_in_regions(_execution(program, steps, inside), limits, heat)


def plan_method(program: Program, plan: MemoryPlan) -> str:
    """How the layers of a program share the arena, in words."""
    has_groups = any(len(call.group) > 1 for call in program.calls)
    return ("row by row, else " if has_groups else "") + plan.method


def values_in_arena(program: Program, io: Io) -> frozenset[str]:
    """The values, views included, that lie in the arena."""
    external = external_values(program, io)
    return frozenset(n for n in program.types if storage_root(program, n) not in external)


def program_step(program: Program, call: Call, inside: Set[str], *, overlap: bool) -> Step:
    """A call as a step; with its order of reads and writes, where outputs may overlap."""
    return Step(
        call.layer,
        tuple(dict.fromkeys(name for name in call.inputs if name in inside)),
        tuple(name for name in call.outputs if name in inside),
        tuple(Scratch(name, size, alignment=4) for name, size in call.scratch),
        _order(program, call, inside) if overlap else None,
        *_state_accesses(program, call),
    )


def _state_accesses(program: Program, call: Call) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a call reads and writes in the state area."""
    kept = state_values(program)
    read = [root for name in call.inputs if (root := storage_root(program, name)) in kept]
    written = [name for name in call.outputs if name in kept]
    return (
        tuple(dict.fromkeys([*read, *(value for value, _ in call.states)])),
        (*written, *(after for _, after in call.states)),
    )


def plan_steps(program: Program, steps: Sequence[Step], inside: Set[str]) -> MemoryPlan:
    """Places the values that the steps touch.

    Args:
        program: What the steps are of.
        steps: In execution order.
        inside: The values that lie in the arena; those that no step writes are left out.
    """
    return plan_execution(_execution(program, steps, inside))


def quick_bytes(program: Program, steps: Sequence[Step], inside: Set[str]) -> int:
    """The arena that the fixed orders of placement reach, to compare partitions by.

    Args:
        program: What the steps are of.
        steps: In execution order.
        inside: As for :func:`plan_steps`.
    """
    problem = plan_problem(_execution(program, steps, inside))
    return best_placement(problem, 0, Budget(0)).arena_bytes


def _execution(program: Program, steps: Sequence[Step], inside: Set[str]) -> Execution:
    written = {name for step in steps for name in step.writes} | {*program.inputs}
    inside = {name for name in inside if storage_root(program, name) in written}
    return Execution(
        tuple(steps),
        {name: program.types[name].size_bytes for name in program.types if name in inside},
        tuple(name for name in program.inputs if name in inside),
        tuple(dict.fromkeys(name for name in program.outputs if name in inside)),
        {view: source for view, source in program.aliases if view in inside},
        {name: program.types[name].dtype.size_bytes for name in inside},
        tuple(
            KeptState(state.value, state.next, type_.size_bytes, type_.dtype.size_bytes)
            for state in program.states
            for type_ in (program.types[state.value],)
        ),
    )


def _order(program: Program, call: Call, inside: Set[str]) -> WriteOrder | None:
    """The access order of a call's kernel in bytes; ``None`` where nothing can overlap."""
    if len(call.outputs) != 1 or call.outputs[0] not in inside:
        return None
    kernel = program.functions[call.function]
    roles = (b.name for b in kernel.loops.buffers if b.role is Role.INPUT)
    names = dict(zip(roles, call.inputs, strict=True))
    types = {name: type_ for name, type_ in program.types.items() if name in inside}
    return write_order(kernel.access, names, types, types[call.outputs[0]])


def write_order(
    access: Access,
    inputs: Mapping[str, str],
    types: Mapping[str, TensorType],
    output: TensorType,
) -> WriteOrder:
    """An access order in bytes.

    Args:
        access: The order in elements.
        inputs: The value that each role reads.
        types: Of the values in the arena; of no other.
        output: Of the value that is written.

    Raises:
        InternalError: If the steps do not make up the output.
    """
    turns, rest = divmod(output.elements, access.step_elements)
    if rest:
        raise InternalError(
            f"memory plan: a kernel writes {access.step_elements} elements in each step, its "
            f"output has {output.elements}"
        )
    return WriteOrder(
        turns,
        access.step_elements * output.dtype.size_bytes,
        tuple(
            OrderedRead(name, pattern, types[name].dtype.size_bytes)
            for role, pattern in access.inputs
            if (name := inputs[role]) in types and _may_alias(types[name].dtype, output.dtype)
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
