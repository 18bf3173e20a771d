"""How many bytes a call of a kernel reads of what it does not write."""

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
    reads: Counter[str] = Counter()
    buffers = {b.name: b for b in kernel.buffers if b.role in (Role.INPUT, Role.CONSTANT)}
    _count(kernel.body, 1, buffers, reads)
    return reads


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
