"""How many bytes a call of a kernel reads and writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tinycc_ml.loopir import (
    Accumulate,
    Assign,
    Buffer,
    CallIntrinsic,
    For,
    If,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    Store,
)
from tinycc_ml.loopir.walk import subexpressions


def bytes_read(kernel: LoopKernel) -> Mapping[str, int]:
    """Bytes that one call reads of each input and constant, by the parameter's name.

    What stands behind a condition is counted as if it always held. Of the window that is passed to
    an intrinsic each element is read once.
    """
    moved = bytes_moved(kernel)
    buffers = [b.name for b in kernel.buffers if b.role in (Role.INPUT, Role.CONSTANT)]
    return {name: moved[name] for name in buffers if name in moved}


def bytes_moved(kernel: LoopKernel) -> Mapping[str, int]:
    """Bytes that one call reads and writes of each parameter; counted as :func:`bytes_read` is."""
    moved: Counter[str] = Counter()
    _count(kernel.body, 1, {b.name: b for b in kernel.buffers}, moved)
    return moved


def _count(
    body: Sequence[Stmt], times: int, buffers: Mapping[str, Buffer], reads: Counter[str]
) -> None:
    for statement in body:
        match statement:
            case For(_, extent, inner):
                _count(inner, times * extent, buffers, reads)
            case If(_, inner):
                _count(inner, times, buffers, reads)
            case CallIntrinsic(intrinsic, arguments):
                for argument, window in zip(arguments, intrinsic.parameters, strict=True):
                    if argument.buffer in buffers:
                        reads[argument.buffer] += times * window.elements * window.dtype.size_bytes
            case Local() | Assign() | Accumulate() | Store():
                for part in subexpressions(statement.value):
                    if isinstance(part, Load | Lookup) and part.buffer in buffers:
                        reads[part.buffer] += times * buffers[part.buffer].dtype.size_bytes
                if isinstance(statement, Store) and statement.buffer in buffers:
                    reads[statement.buffer] += times * buffers[statement.buffer].dtype.size_bytes
