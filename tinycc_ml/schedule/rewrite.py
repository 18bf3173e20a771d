"""What the steps share: finding a loop, replacing it, keeping names unique."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import For, If, LoopKernel
from tinycc_ml.loopir.walk import Body, defined_names, rename, statements


def find_loop(kernel: LoopKernel, variable: str) -> For:
    """The loop over a variable.

    Raises:
        ScheduleError: If there is none.
    """
    loops = [s for s in statements(kernel.body) if isinstance(s, For)]
    for loop in loops:
        if loop.variable == variable:
            return loop
    known = ", ".join(loop.variable for loop in loops)
    raise ScheduleError(f"there is no loop {variable}; loops are {known or 'none'}")


def replace_loop(kernel: LoopKernel, loop: For, new: Body) -> LoopKernel:
    """The kernel with other statements in place of a loop."""
    return replace(kernel, body=_replaced(kernel.body, loop.variable, new))


def _replaced(body: Body, variable: str, new: Body) -> Body:
    result: Body = ()
    for statement in body:
        if isinstance(statement, For) and statement.variable == variable:
            result += new
        elif isinstance(statement, For | If):
            result += (replace(statement, body=_replaced(statement.body, variable, new)),)
        else:
            result += (statement,)
    return result


def check_new_names(kernel: LoopKernel, names: Iterable[str], *, freed: Iterable[str] = ()) -> None:
    """Raises ScheduleError if a name is taken by a parameter, a loop or a local."""
    taken = {buffer.name for buffer in kernel.buffers} | set(defined_names(kernel.body))
    taken -= set(freed)
    for name in names:
        if name in taken:
            raise ScheduleError(f"the name {name} is taken")
        taken.add(name)


def copy_with_suffix(kernel: LoopKernel, body: Body, suffix: str) -> Body:
    """A copy of statements whose loops and locals carry a suffix, so that names stay unique."""
    names = {name: f"{name}_{suffix}" for name in defined_names(body)}
    check_new_names(kernel, names.values())
    return rename(body, names)
