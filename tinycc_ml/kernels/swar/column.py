"""Loop IR that fills columns of data tiles: elements in chunks, each behind its start."""

from __future__ import annotations

from collections.abc import Callable

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Accumulate, Affine, Buffer, Expr, For, Local, Stmt, Var, affine
from tinycc_ml.loopir import build as b

#: The index of a word of a run, and the value of an element.
Target = Callable[[Affine], tuple[Affine, ...]]
Source = Callable[[Affine], Expr]


def fill_run(
    buffer: Buffer, target: Target, source: Source, elements: int, chunk: int, name: str
) -> tuple[Stmt, ...]:
    """Stores a run: whole chunks in a loop, then the rest of the elements and zeros.

    Args:
        buffer: What holds the column.
        target: The index of a word of the run.
        source: The value of an element of the run.
        elements: How many there are.
        chunk: Elements of a chunk.
        name: Of the loop and locals, distinct in the kernel.
    """
    whole, rest = divmod(elements, chunk)

    def one(first_word: Affine, first: Affine, live: int, suffix: str) -> tuple[Stmt, ...]:
        body: list[Stmt] = []
        total = f"sum_{name}{suffix}"
        for i in range(chunk):
            at = target(first_word + 1 + i)
            if i >= live:
                body.append(b.store(buffer, at, 0))
                continue
            value = f"x{i}_{name}{suffix}"
            body.append(Local(value, DType.INT32, source(first + i)))
            body.append(b.store(buffer, at, Var(value)))
            add = Accumulate(total, Var(value)) if i else Local(total, DType.INT32, Var(value))
            body.append(add)
        body.append(b.store(buffer, target(first_word), b.call("chunk_start", Var(total))))
        return tuple(body)

    body: tuple[Stmt, ...] = ()
    if whole:
        inner = one(affine(name) * (chunk + 1), affine(name) * chunk, chunk, "")
        body += (For(name, whole, inner),)
    if rest:
        body += one(affine(whole * (chunk + 1)), affine(whole * chunk), rest, "_last")
    return body
