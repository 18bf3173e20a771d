"""A layer as a loop over its rows: what groups are made of.

A :class:`RowKernel` builds a layer's loop nest with the rows as its outermost loop, over inputs and
outputs of shape (rows, elements of a row). Groups take the body of that loop; run as it is, it is
a kernel of the whole layer. A turn of the loop may compute several rows: a block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.rows.timing import RowReads
from tinycc_ml.loopir import Affine, Buffer, For, LoopKernel, Stmt
from tinycc_ml.ops import Workload

#: The variable of the loop over rows, or blocks of them.
ROW = "oy"


@dataclass(frozen=True, slots=True)
class RowLoops:
    """A layer's loop nest over rows.

    Attributes:
        buffers: Parameters, in the order inputs, constants, outputs, scratch. Inputs and outputs
            have the shape (rows, elements of a row); the output of a sum is one row.
        turns: Extent of the loop: blocks of output rows, or rows of the input that a sum adds up.
        reads: (role, rows of it that turn ``oy`` reads) of each input.
        before: Statements before the loop.
        row: The loop's body, in which ``oy`` is free; it computes the rows from ``oy * block`` on.
        after: Statements behind the loop; a sum writes its output there.
        reads_first: Whether a turn writes only when all has been read that it takes.
        block: Rows of the output in a turn.
        in_place: Roles of inputs of which each element is read for the last time before the
            output's element of the same place is written.
    """

    buffers: tuple[Buffer, ...]
    turns: int
    reads: tuple[tuple[str, RowReads], ...]
    row: tuple[Stmt, ...]
    before: tuple[Stmt, ...] = ()
    after: tuple[Stmt, ...] = ()
    reads_first: bool = False
    block: int = 1
    in_place: tuple[str, ...] = ()

    @property
    def is_sum(self) -> bool:
        """Whether the output is only written behind the loop."""
        return bool(self.after)

    def kernel(self, name: str) -> LoopKernel:
        """The kernel of the whole layer."""
        body = (*self.before, For(ROW, self.turns, self.row), *self.after)
        return LoopKernel(name, self.buffers, body)


class RowKernel(ABC):
    """A way to compute an operator row by row. Subclasses are stateless."""

    #: As for :class:`tinycc_ml.kernels.base.KernelDef`.
    name: ClassVar[str]
    op: ClassVar[str]
    requires: ClassVar[frozenset[str]] = frozenset()
    dtype: ClassVar[DType | None] = DType.INT8
    odd_weight: ClassVar[bool] = False
    #: Rows of the output in a turn; they divide the rows that there are.
    block: int = 1
    #: A kernel of whole layers that reads the same constants. Where it is named, they are so large
    #: that this kernel is only taken where that one was: then there is flash for them.
    whole: str | None = None

    @abstractmethod
    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """Why this kernel cannot compute the workload row by row; ``None`` when it can."""

    @abstractmethod
    def build(self, workload: Workload, constants: Sequence[Constant]) -> RowLoops:
        """The loops of a layer that is accepted."""

    @abstractmethod
    def cycles(self, workload: Workload) -> int:
        """Estimated cycles of all rows together."""

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """The constants in the layout that the loops read, in parameter order."""
        return tuple(constants)


def row_buffer(buffer: Buffer, rows: int) -> Buffer:
    """A tensor as (rows, elements of a row)."""
    return replace(buffer, shape=(rows, prod(buffer.shape) // rows))


def row_index(buffer: Buffer, rows: int, indices: Sequence[Affine]) -> tuple[Affine, Affine]:
    """The index of an element of a tensor in its :func:`row_buffer`.

    The first dimensions whose product is the number of rows make up the row.
    """
    split = next(n for n in range(len(buffer.shape) + 1) if prod(buffer.shape[:n]) == rows)
    return (
        replace(buffer, shape=buffer.shape[:split]).flatten(tuple(indices[:split])),
        replace(buffer, shape=buffer.shape[split:]).flatten(tuple(indices[split:])),
    )
