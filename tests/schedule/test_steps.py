"""Each step: before -> after, and why it refuses."""

from __future__ import annotations

import pytest

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import ScheduleError
from tinycc_ml.loopir import (
    Accumulate,
    Assign,
    Binary,
    Buffer,
    Cast,
    If,
    Literal,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
    format_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.schedule import Fuse, Reorder, Split, Step, Unroll, apply_schedule

I32 = DType.INT32
SOURCE = Buffer("source", DType.INT8, (6, 10), Role.INPUT)
ROW = Buffer("row", I32, (10,), Role.OUTPUT)
OUT = Buffer("out", I32, (6, 10), Role.OUTPUT)
TABLE = Buffer("table", I32, (16,), Role.SCRATCH)
FLAT = Buffer("flat", I32, (60,), Role.OUTPUT)
BUFFERS = (SOURCE, ROW, OUT, TABLE, FLAT)


def kernel(*body: Stmt) -> LoopKernel:
    return LoopKernel("sample", BUFFERS, body)


def after(step: Step, *body: Stmt) -> str:
    """The statements after a step, as text."""
    text = format_kernel(apply_schedule(kernel(*body), (step,)))
    return "\n".join(line[2:] for line in text.splitlines()[1 + len(BUFFERS) :])


COPY = b.nest([("y", 6), ("x", 10)], b.store(OUT, ("y", "x"), b.load(SOURCE, "y", "x")))
COPY_Z = b.nest([("z", 10)], b.store(ROW, ("z",), 1))
SUMS = b.nest(
    [("y", 6)],
    Local("acc", I32, Literal(0)),
    *b.nest([("x", 2)], Accumulate("acc", b.load(SOURCE, "y", "x"))),
    b.store(ROW, ("y",), Var("acc")),
)


def test_split() -> None:
    assert after(Split("x", 5), *COPY) == (
        "for y in 6:\n  for x_o in 2:\n    for x_i in 5:\n"
        "      out[y, x_i + 5*x_o] = source[y, x_i + 5*x_o]"
    )


def test_split_with_a_guard() -> None:
    assert after(Split("x", 4, "a", "b"), *COPY) == (
        "for y in 6:\n  for a in 3:\n    for b in 4:\n      if 0 <= 4*a + b < 10:\n"
        "        out[y, 4*a + b] = source[y, 4*a + b]"
    )


def test_split_with_a_tail() -> None:
    assert after(Split("y", 4, tail=True), *SUMS) == (
        "for y_o in 1:\n  for y_i in 4:\n    acc: int32 = 0\n    for x in 2:\n"
        "      acc += source[y_i + 4*y_o, x]\n    row[y_i + 4*y_o] = acc\n"
        "for y_t in 2:\n  acc_t: int32 = 0\n  for x_t in 2:\n"
        "    acc_t += source[y_t + 4, x_t]\n  row[y_t + 4] = acc_t"
    )


def test_reorder() -> None:
    assert after(Reorder(("x", "y")), *COPY) == (
        "for x in 10:\n  for y in 6:\n    out[y, x] = source[y, x]"
    )


def test_reorder_keeps_loops_between_in_place() -> None:
    nest = b.nest([("y", 6), ("u", 1), ("x", 10)], b.store(OUT, ("y", affine("x") + "u"), 1))
    assert after(Reorder(("x", "y")), *nest).splitlines()[:3] == [
        "for x in 10:",
        "  for u in 1:",
        "    for y in 6:",
    ]


def test_reorder_moves_conditions_outwards() -> None:
    guarded = If((b.inside(affine("x") - 1, 9),), (b.store(OUT, ("y", "x"), 1),))
    assert after(Reorder(("x", "y")), *b.nest([("y", 6), ("x", 10)], guarded)) == (
        "for x in 10:\n  if 0 <= x - 1 < 9:\n    for y in 6:\n      out[y, x] = 1"
    )


def test_unroll() -> None:
    text = after(Unroll("x"), *b.nest([("x", 2)], Local("v", I32, b.load(SOURCE, 0, "x"))), *COPY_Z)
    assert text.splitlines()[:2] == [
        "v_0: int32 = source[0, 0]",
        "v_1: int32 = source[0, 1]",
    ]


def test_fuse() -> None:
    flat = affine("y") * 10 + "x"
    nest = b.nest([("y", 6), ("x", 10)], b.store(FLAT, (flat,), 1))
    assert after(Fuse("y", "x", "p"), *nest) == "for p in 60:\n  flat[p] = 1"


def pair(*body: Stmt, x: int = 10) -> tuple[Stmt, ...]:
    return b.nest([("y", 6), ("x", x)], *body)


FILL = b.nest([("q", 6), ("r", 10)], b.store(OUT, ("q", "r"), 1))
SUM = Local("acc", I32, Literal(0))
REAL_SUM = Local("acc", DType.FLOAT32, Literal(0.0, DType.FLOAT32))
USE = b.store(ROW, (0,), Var("acc"))
USE_REAL = b.store(ROW, (0,), Cast(I32, Var("acc")))
SWAP = Reorder(("x", "y"))

REFUSED: dict[str, tuple[Step, tuple[Stmt, ...], str]] = {
    "split of no loop": (Split("z", 2), COPY, "there is no loop z; loops are y, x"),
    "split by 0": (Split("x", 0), COPY, r"factor 0; allowed 1\.\.10"),
    "split by too much": (Split("x", 11), COPY, r"factor 11; allowed 1\.\.10"),
    "split into a taken name": (Split("x", 2, "y"), COPY, "the name y is taken"),
    "split into a buffer's name": (Split("x", 2, "p", "row"), COPY, "the name row is taken"),
    "split into twice the same": (Split("x", 2, "p", "p"), COPY, "the name p is taken"),
    "split into a taken tail": (
        Split("x", 4, tail=True),
        b.nest([("x", 10), ("x_t", 1)], b.store(ROW, ("x",), 1)),
        "the name x_t is taken",
    ),
    "unroll of no loop": (Unroll("z"), COPY, "there is no loop z"),
    "unroll of too much": (
        Unroll("z"),
        b.nest([("z", 5000)], b.store(ROW, (0,), 1)),
        "5000 statements; allowed 4096",
    ),
    "unroll into a taken name": (
        Unroll("x"),
        b.nest([("x", 2), ("k", 2), ("k_0", 2)], b.store(ROW, ("x",), 1)),
        "the name k_0 is taken",
    ),
    "fuse of an imperfect nest": (Fuse("y", "x", "p"), SUMS, "not the loop x alone"),
    "fuse the wrong way round": (Fuse("x", "y", "p"), COPY, "not the loop y alone"),
    "fuse of separate indices": (
        Fuse("y", "x", "p"),
        COPY,
        "the index y has no multiple of 10",
    ),
    "fuse with a wrong stride": (
        Fuse("y", "x", "p"),
        pair(b.store(FLAT, (affine("y") * 9 + "x",), 1)),
        r"9\*y has no multiple of 10\*y \+ x",
    ),
    "fuse into a taken name": (Fuse("y", "x", "row"), COPY, "the name row is taken"),
    "reorder of one loop": (Reorder(("x",)), COPY, "two or more different loops"),
    "reorder of the same loop": (Reorder(("x", "x")), COPY, "two or more different loops"),
    "reorder of no loop": (Reorder(("x", "z")), COPY, "there is no loop z"),
    "reorder of an imperfect nest": (SWAP, SUMS, "x cannot be reached from y"),
    "reorder of siblings": (
        Reorder(("x", "z")),
        (*b.nest([("x", 10)], b.store(ROW, ("x",), 1)), *COPY_Z),
        "z cannot be reached from x",
    ),
    "last value wins": (
        SWAP,
        pair(b.store(ROW, (0,), b.load(SOURCE, "y", "x"))),
        r"row\[0\] may be stored in one turn and stored in another",
    ),
    "last row wins": (
        SWAP,
        pair(b.store(ROW, ("x",), b.load(SOURCE, "y", "x"))),
        r"row\[x\] may be stored in one turn and stored in another",
    ),
    "overlapping strides": (
        SWAP,
        pair(b.store(FLAT, (affine("y") * 9 + "x",), b.load(SOURCE, "y", "x"))),
        "may be stored in one turn and stored in another",
    ),
    "overlapping inner loops": (
        SWAP,
        b.nest(
            [("y", 6), ("x", 4), ("k", 2)],
            b.store(OUT, ("y", affine("x") + "k"), b.load(SOURCE, "y", "x")),
        ),
        "may be stored in one turn and stored in another",
    ),
    "two stores that meet": (
        SWAP,
        pair(b.store(OUT, ("y", "x"), 1), b.store(OUT, ("y", affine("x") + 1), 2), x=9),
        "may be stored in one turn and stored in another",
    ),
    "stencil on its own output": (
        SWAP,
        (
            *FILL,
            *b.nest(
                [("y", 5), ("x", 9)],
                b.store(OUT, (affine("y") + 1, "x"), b.load(OUT, "y", affine("x") + 1)),
            ),
        ),
        "may be stored in one turn and read in another",
    ),
    "lookup of what is stored": (
        Reorder(("x", "y")),
        (
            *b.nest([("t", 16)], b.store(TABLE, ("t",), 1)),
            *b.nest(
                [("y", 4), ("x", 4)],
                b.store(TABLE, (affine("y") * 4 + "x",), Lookup("table", Literal(3))),
            ),
        ),
        "table is stored to and read at a computed index",
    ),
    "local assigned": (
        SWAP,
        (SUM, *pair(Assign("acc", b.load(SOURCE, "y", "x"))), USE),
        "acc is assigned in each turn and lives longer",
    ),
    "running sum": (
        SWAP,
        (SUM, *pair(Accumulate("acc", Literal(1)), b.store(OUT, ("y", "x"), Var("acc")))),
        "acc is read between the sums into it",
    ),
    "sum of itself": (
        SWAP,
        (SUM, *pair(Accumulate("acc", Binary("/", Var("acc"), Literal(2))), x=2), USE),
        "acc is read between the sums into it",
    ),
    "sum of floats": (
        SWAP,
        (REAL_SUM, *pair(Accumulate("acc", Cast(DType.FLOAT32, Literal(1)))), USE_REAL),
        "acc is a sum of floats",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(name: str) -> None:
    step, body, message = REFUSED[name]
    with pytest.raises(ScheduleError, match=message) as caught:
        apply_schedule(kernel(*body), (step,))
    assert str(caught.value).startswith(f"sample: {step}: ")
    assert "kernel sample:" in caught.value.details


LEGAL: dict[str, tuple[Step, tuple[Stmt, ...]]] = {
    "sum into a local outside": (SWAP, (SUM, *pair(Accumulate("acc", Literal(1))), USE)),
    "local inside": (
        SWAP,
        pair(SUM, Accumulate("acc", Literal(1)), b.store(OUT, ("y", "x"), Var("acc"))),
    ),
    "in place": (
        SWAP,
        (
            *FILL,
            *pair(b.store(OUT, ("y", "x"), b.add(b.load(OUT, "y", "x"), 1))),
        ),
    ),
    "guarded split": (
        Reorder(("x_i", "y")),
        b.nest(
            [("y", 6), ("x_o", 3), ("x_i", 4)],
            If(
                (b.inside(affine("x_o") * 4 + "x_i", 10),),
                (b.store(OUT, ("y", affine("x_o") * 4 + "x_i"), 1),),
            ),
        ),
    ),
    "two stores that never meet": (
        SWAP,
        pair(
            b.store(OUT, ("y", affine("x") * 2), 1),
            b.store(OUT, ("y", affine("x") * 2 + 1), 2),
            x=5,
        ),
    ),
}


@pytest.mark.parametrize("name", LEGAL)
def test_accepts(name: str) -> None:
    step, body = LEGAL[name]
    apply_schedule(kernel(*body), (step,))
