"""Change the order of nested loops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import Condition, For, If, LoopKernel, Stmt
from tinycc_ml.loopir.walk import Body, statements
from tinycc_ml.schedule.dependences import order_conflict
from tinycc_ml.schedule.rewrite import find_loop, replace_loop
from tinycc_ml.schedule.step import Step


@dataclass(frozen=True, slots=True)
class Reorder(Step):
    """Gives nested loops another order, outermost first.

    The loops and whatever loops lie between them must be nested without other statements between
    them; conditions may stand there, and end up as far outside as their variables allow. Legal
    where turns of the loops may run in any order: integer sums into a local commute; an element
    that one turn stores, no other turn stores or reads. Integer sums are taken not to overflow in
    any order.

    before::

        for y in 4:
          for x in 8:
            if x + k < 8: S(y, x)

    after ``reorder(x, y)``::

        for x in 8:
          if x + k < 8:
            for y in 4: S(y, x)

    Attributes:
        loops: The loops in their new order. Loops of the nest that are not named keep their place.
    """

    name: ClassVar[str] = "reorder"

    loops: tuple[str, ...]

    def arguments(self) -> tuple[str, ...]:
        """See the base class."""
        return self.loops

    def apply(self, kernel: LoopKernel) -> LoopKernel:
        """See the base class."""
        if len(self.loops) < 2 or len(set(self.loops)) < len(self.loops):
            raise ScheduleError("two or more different loops are needed")
        depth = {self._depth(kernel, name): name for name in self.loops}
        top = find_loop(kernel, depth[min(depth)])
        nest, conditions, body = _perfect_nest(top, set(self.loops))
        conflict = order_conflict(kernel, nest, body)
        if conflict:
            raise ScheduleError(conflict)
        new_order = iter(self.loops)
        reordered = [
            find_loop(kernel, next(new_order)) if loop.variable in self.loops else loop
            for loop in nest
        ]
        return replace_loop(kernel, top, _nested(reordered, conditions, body))

    @staticmethod
    def _depth(kernel: LoopKernel, name: str) -> int:
        loop = find_loop(kernel, name)
        return [s for s in statements(kernel.body) if isinstance(s, For)].index(loop)


def _perfect_nest(top: For, wanted: set[str]) -> tuple[list[For], list[Condition], Body]:
    """The loops from the top down to the last wanted one, all conditions, and the rest."""
    nest: list[For] = []
    conditions: list[Condition] = []
    body: Body = (top,)
    missing = set(wanted)
    while missing:
        statement: Stmt | None = body[0] if len(body) == 1 else None
        if isinstance(statement, For):
            nest.append(statement)
            missing.discard(statement.variable)
        elif isinstance(statement, If):
            conditions += statement.conditions
        else:
            raise ScheduleError(
                f"{', '.join(sorted(missing))} cannot be reached from {nest[-1].variable}: "
                "there are other statements between the loops"
            )
        body = statement.body
    while len(body) == 1 and isinstance(body[0], If):
        conditions += body[0].conditions
        body = body[0].body
    return nest, conditions, body


def _nested(loops: Sequence[For], conditions: list[Condition], body: Body) -> Body:
    """Loops around a body, with each condition as far outside as its variables allow."""
    inside = {loop.variable for loop in loops}
    ready = tuple(c for c in conditions if not c.index.variables & inside)
    waiting = [c for c in conditions if c.index.variables & inside]
    if loops:
        rest = _nested(loops[1:], waiting, body)
        body = (For(loops[0].variable, loops[0].extent, rest),)
    return (If(ready, body),) if ready else body
