"""Hand-written pieces that several tests start from."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Buffer, LoopKernel, Role, Stmt
from tinycc_ml.loopir import build as b

X = Buffer("x", DType.INT8, (4, 3), Role.INPUT)
TABLE = Buffer("table", DType.INT8, (16,), Role.CONSTANT)
OUT = Buffer("out", DType.INT32, (4, 3), Role.OUTPUT)
NARROW = Buffer("narrow", DType.INT8, (4,), Role.OUTPUT)
REAL = Buffer("real", DType.FLOAT32, (4,), Role.OUTPUT)
BUFFERS = (X, TABLE, OUT, NARROW, REAL)


def kernel(*body: Stmt) -> LoopKernel:
    """A kernel over the buffers above."""
    return LoopKernel("sample", BUFFERS, body)


def store_all(value: b.Value = 1) -> tuple[Stmt, ...]:
    """``for i in 4: for j in 3: out[i, j] = value``."""
    return b.nest([("i", 4), ("j", 3)], b.store(OUT, ("i", "j"), value))
