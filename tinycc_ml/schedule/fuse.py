"""Fuse two nested loops into one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import Affine, For, LoopKernel, affine
from tinycc_ml.loopir.printer import format_affine
from tinycc_ml.loopir.walk import map_indices
from tinycc_ml.schedule.rewrite import check_new_names, find_loop, replace_loop
from tinycc_ml.schedule.step import Step


@dataclass(frozen=True, slots=True)
class Fuse(Step):
    """Makes one loop of two; the inverse of :class:`~tinycc_ml.schedule.split.Split`.

    Indices must stay affine: wherever the two variables occur, they occur as
    ``inner_extent * outer + inner``, times anything.

    before::

        for y in 3:
          for x in 4: S(4*y + x)

    after ``fuse(y, x, p)``::

        for p in 12: S(p)

    Attributes:
        outer: The outer loop; its body is the inner loop alone.
        inner: The inner loop.
        fused: Name of the new loop.
    """

    name: ClassVar[str] = "fuse"

    outer: str
    inner: str
    fused: str

    def arguments(self) -> tuple[str, ...]:
        """See the base class."""
        return (self.outer, self.inner, self.fused)

    def apply(self, kernel: LoopKernel) -> LoopKernel:
        """See the base class."""
        outer, inner = find_loop(kernel, self.outer), find_loop(kernel, self.inner)
        if outer.body != (inner,):
            raise ScheduleError(f"the body of {self.outer} is not the loop {self.inner} alone")
        check_new_names(kernel, (self.fused,), freed=(self.outer, self.inner))
        body = map_indices(inner.body, lambda index: self._fused(index, inner.extent))
        fused = For(self.fused, outer.extent * inner.extent, body)
        return replace_loop(kernel, outer, (fused,))

    def _fused(self, index: Affine, inner_extent: int) -> Affine:
        coefficient = index.coefficient(self.inner)
        if index.coefficient(self.outer) != coefficient * inner_extent:
            raise ScheduleError(
                f"the index {format_affine(index)} has no multiple of "
                f"{inner_extent}*{self.outer} + {self.inner}"
            )
        rest = index.substitute(self.outer, 0).substitute(self.inner, 0)
        return rest + affine(self.fused) * coefficient
