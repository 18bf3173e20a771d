"""Split one loop into two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import Condition, For, If, LoopKernel, affine
from tinycc_ml.loopir.walk import Body, substitute
from tinycc_ml.schedule.rewrite import check_new_names, copy_with_suffix, find_loop, replace_loop
from tinycc_ml.schedule.step import Step


@dataclass(frozen=True, slots=True)
class Split(Step):
    """Splits a loop into an outer one and an inner one of a given extent.

    before::

        for x in 8: S(x)

    after ``split(x, 4)``::

        for x_o in 2:
          for x_i in 4: S(4*x_o + x_i)

    Where the factor does not divide the extent (here 10), a condition guards the last turn::

        for x_o in 3:
          for x_i in 4:
            if 0 <= 4*x_o + x_i < 10: S(4*x_o + x_i)

    or, after ``split(x, 4, tail)``, a loop of its own does the rest, so that the main loop is free
    of conditions and both can be scheduled further; names in the copy of S end in ``_t``::

        for x_o in 2:
          for x_i in 4: S(4*x_o + x_i)
        for x_t in 2: S(x_t + 8)

    Attributes:
        loop: The loop.
        factor: Extent of the inner loop.
        outer: Name of the outer loop; the loop's name and ``_o`` where empty.
        inner: Name of the inner loop; the loop's name and ``_i`` where empty.
        tail: What to do with the rest where the factor does not divide the extent.
    """

    name: ClassVar[str] = "split"

    loop: str
    factor: int
    outer: str = ""
    inner: str = ""
    tail: bool = False

    def arguments(self) -> tuple[str, ...]:
        """See the base class."""
        names = tuple(name for name in (self.outer, self.inner) if name)
        return (self.loop, str(self.factor), *names, *(("tail",) if self.tail else ()))

    def apply(self, kernel: LoopKernel) -> LoopKernel:
        """See the base class."""
        loop = find_loop(kernel, self.loop)
        if not 1 <= self.factor <= loop.extent:
            raise ScheduleError(f"factor {self.factor}; allowed 1..{loop.extent}")
        outer, inner = self.outer or f"{self.loop}_o", self.inner or f"{self.loop}_i"
        check_new_names(kernel, (outer, inner), freed=(self.loop,))
        turns, rest = divmod(loop.extent, self.factor)
        index = affine(outer) * self.factor + affine(inner)
        body = substitute(loop.body, self.loop, index)
        if rest and not self.tail:
            turns, body = turns + 1, (If((Condition(index, 0, loop.extent),), body),)
        split: Body = (For(outer, turns, (For(inner, self.factor, body),)),)
        if rest and self.tail:
            (copy,) = copy_with_suffix(kernel, (loop,), "t")
            assert isinstance(copy, For)
            start = affine(copy.variable) + self.factor * turns
            split += (For(copy.variable, rest, substitute(copy.body, copy.variable, start)),)
        return replace_loop(kernel, loop, split)
