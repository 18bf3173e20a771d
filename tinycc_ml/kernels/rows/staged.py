"""Rows that are complete before they are written.

A layer that reads a value straight from the arena and writes one may lie over it, at a distance
that counts whole rows if a row is written only when all its reads are done. So the row, or a block
of rows, is computed in scratch, and copied.
"""

from __future__ import annotations

from dataclasses import replace

from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW, RowLoops
from tinycc_ml.loopir import Affine, Buffer, Role, affine
from tinycc_ml.loopir import build as b

#: Cycles for an element that is copied.
COPY_CYCLES = 2


def staged(loops: RowLoops) -> RowLoops:
    """The same layer; as it is, if it reads first anyway."""
    if loops.reads_first or loops.is_sum:
        return loops
    output = next(buffer for buffer in loops.buffers if buffer.role is Role.OUTPUT)
    block, row = loops.block, output.shape[1]
    finished = Buffer("finished", output.dtype, (block, row), Role.SCRATCH)
    first = affine(ROW) * block

    def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
        if name != output.name:
            return name, indices
        return finished.name, (indices[0] - first, *indices[1:])

    line = affine("line" if block > 1 else 0)
    copied = b.store(output, (first + line, "column"), b.load(finished, line, "column"))
    copy = b.nest([*([("line", block)] if block > 1 else []), ("column", row)], copied)
    return replace(
        loops,
        buffers=(*loops.buffers, finished),
        row=(*redirect(loops.row, to), *copy),
        reads_first=True,
    )
