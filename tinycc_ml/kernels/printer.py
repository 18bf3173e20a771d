"""Prints a program as text, for dumps."""

from __future__ import annotations

from tinycc_ml.kernels.program import Program
from tinycc_ml.loopir import format_kernel


def format_order(program: Program) -> str:
    """The calls in order, one a line; of a group also its layers."""
    lines: list[str] = []
    for call in program.calls:
        grouped = " ".join(each.layer for each in call.group)
        lines.append(f"{call.layer}: row by row {grouped}" if grouped else call.layer)
    return "\n".join(lines) + "\n"


def format_program(program: Program) -> str:
    """The calls in order, then each function's loop nest."""
    lines = [f"program {program.name} {{"]
    for call in program.calls:
        states = (f"{value} -> {after}" for value, after in call.states)
        arguments = ", ".join((*call.inputs, *(f"@{c}" for c in call.constants), *states))
        lines.append(f"  {', '.join(call.outputs)} = f{call.function}({arguments})  # {call.layer}")
    lines += [f"  state {state.value}, then {state.next}" for state in program.states]
    lines += [f"  {view} = view of {source}" for view, source in program.aliases]
    lines += [f"  # {r.layer}: not {r.kernel}: {r.reason}" for r in program.refusals]
    lines.append("}")
    for index, kernel in enumerate(program.functions):
        lines += ["", f"f{index}: {kernel.definition}", format_kernel(kernel.loops)]
    return "\n".join(lines) + "\n"
