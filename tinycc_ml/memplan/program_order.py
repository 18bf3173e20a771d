"""Step 7 for a whole program: its calls in the order that takes the smallest arena."""

from __future__ import annotations

from dataclasses import replace

from tinycc_ml.kernels import Call, Program
from tinycc_ml.memplan.order import Task, TaskGraph, best_order
from tinycc_ml.memplan.program_plan import Io, external_values, plan_program, storage_root


def order_program(program: Program, io: Io) -> Program:
    """The program with its calls in another order, or itself.

    Another order is taken only if its arena is smaller without overlaps, and not larger with them.

    Args:
        program: Calls in a valid order, that of the model file.
        io: Whether the model's inputs and outputs lie in the arena.
    """
    order = best_order(_task_graph(program, io)) if program.calls else ()
    calls = tuple(program.calls[index] for index in order)
    if calls == program.calls:
        return program
    ordered = replace(program, calls=calls)
    before, after = (
        [plan_program(p, io, overlap=overlap).arena_bytes for overlap in (False, True)]
        for p in (program, ordered)
    )
    return ordered if after[0] < before[0] and after[1] <= before[1] else program


def _task_graph(program: Program, io: Io) -> TaskGraph:
    external = external_values(program, io)
    roots = {name: storage_root(program, name) for name in program.types}
    value_of = {state.next: state.value for state in program.states}

    def task(call: Call) -> Task:
        renewed = {*call.outputs, *(after for _, after in call.states)}
        overwritten = {value_of[name] for name in renewed if name in value_of}
        # Who reads a state's old value has to do so before.
        readers = (
            index
            for index, other in enumerate(program.calls)
            if other is not call and any(roots.get(name) in overwritten for name in other.inputs)
        )
        return Task(
            frozenset(roots[name] for name in call.inputs if name in roots),
            frozenset(roots[name] for name in renewed),
            sum(size_bytes for _, size_bytes in call.scratch),
            frozenset(readers),
        )

    tasks = tuple(task(call) for call in program.calls)
    # What lies outside the arena still orders the calls.
    size_bytes = {
        root: 0 if root in external else program.types[root].size_bytes for root in roots.values()
    }
    given = (*program.inputs, *(state.value for state in program.states))
    inputs, outputs = (
        frozenset(roots[name] for name in names) for names in (given, program.outputs)
    )
    return TaskGraph(tasks, size_bytes, inputs, outputs)
