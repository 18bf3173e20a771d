"""Rows that are complete before they are written.

A layer that reads a value straight from the arena and writes one may lie over it, at a distance
that counts whole rows if a row is written only when all its reads are done. So the row is computed
in scratch, and copied.
"""

from __future__ import annotations

from dataclasses import replace

from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW, RowLoops
from tinycc_ml.loopir import Affine, Buffer, Role
from tinycc_ml.loopir import build as b

#: Cycles for an element that is copied.
COPY_CYCLES = 2


def staged(loops: RowLoops) -> RowLoops:
    """The same layer; as it is, if it reads first anyway."""
    if loops.reads_first or loops.is_sum:
        return loops
    output = next(buffer for buffer in loops.buffers if buffer.role is Role.OUTPUT)
    row = Buffer("finished", output.dtype, output.shape[1:], Role.SCRATCH)

    def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
        return (row.name, indices[1:]) if name == output.name else (name, indices)

    copied = b.store(output, (ROW, "column"), b.load(row, "column"))
    return replace(
        loops,
        buffers=(*loops.buffers, row),
        row=(*redirect(loops.row, to), *b.nest([("column", row.elements)], copied)),
        reads_first=True,
    )
