"""Unroll a loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.loopir.walk import Body, statements, substitute
from tinycc_ml.schedule.rewrite import copy_with_suffix, find_loop, replace_loop
from tinycc_ml.schedule.step import Step

#: More statements than this are a slip of the pen, not a kernel for a microcontroller.
LARGEST = 4096


@dataclass(frozen=True, slots=True)
class Unroll(Step):
    """Replaces a loop by one copy of its body for each turn; split first to unroll in part.

    Always legal, because the order stays the same. Loops and locals of the copies get the number
    of the turn.

    before::

        for x in 2:
          a: int32 = S(x)
          T(a, x)

    after ``unroll(x)``::

        a_0: int32 = S(0)
        T(a_0, 0)
        a_1: int32 = S(1)
        T(a_1, 1)

    Attributes:
        loop: The loop.
    """

    name: ClassVar[str] = "unroll"

    loop: str

    def arguments(self) -> tuple[str, ...]:
        """See the base class."""
        return (self.loop,)

    def apply(self, kernel: LoopKernel) -> LoopKernel:
        """See the base class."""
        loop = find_loop(kernel, self.loop)
        size = loop.extent * sum(1 for _ in statements(loop.body))
        if size > LARGEST:
            raise ScheduleError(f"it would make {size} statements; allowed {LARGEST}")
        copies: Body = ()
        for turn in range(loop.extent):
            body = substitute(loop.body, self.loop, turn)
            copies += copy_with_suffix(kernel, body, str(turn))
        return replace_loop(kernel, loop, copies)
