"""The interpreter computes what it should, and refuses what C leaves undefined."""

from __future__ import annotations

import numpy as np
import pytest

from tests.loopir.samples import BUFFERS, NARROW, OUT, REAL, X, kernel, store_all
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir import (
    Accumulate,
    Assign,
    Binary,
    Buffer,
    Cast,
    If,
    Literal,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
    run_kernel,
)
from tinycc_ml.loopir import build as b

F32, I32, U32, I64 = DType.FLOAT32, DType.INT32, DType.UINT32, DType.INT64


def arrays() -> dict[str, np.ndarray]:
    result = {x.name: np.zeros(x.shape, x.dtype.numpy) for x in BUFFERS}
    result["x"][:] = np.arange(12).reshape(4, 3) - 6
    result["table"][:] = np.arange(16)[::-1]
    return result


def run(*body: Stmt) -> dict[str, np.ndarray]:
    result = arrays()
    run_kernel(kernel(*body), result)
    return result


def test_sums_under_a_condition() -> None:
    acc = Accumulate("acc", b.mul(b.load(X, "i", "j"), 2))
    result = run(
        *b.nest(
            [("i", 4)],
            Local("acc", I32, Literal(100)),
            *b.nest([("j", 3)], *b.when([b.inside(affine("i") + "j" - 2, 2)], acc)),
            b.store(OUT, ("i", 0), Var("acc")),
        )
    )
    x = arrays()["x"].astype(int)
    for i in range(4):
        assert result["out"][i, 0] == 100 + sum(2 * x[i, j] for j in range(3) if 2 <= i + j < 4)


@pytest.mark.parametrize(
    ("operator", "left", "right", "expected"),
    [
        ("/", -7, 2, -3),
        ("/", 7, -2, -3),
        ("/", -7, -2, 3),
        ("min", -7, 2, -7),
        ("max", -7, 2, 2),
        ("-", -7, 2, -9),
    ],
)
def test_integer_operators(operator: str, left: int, right: int, expected: int) -> None:
    value = Binary(operator, Literal(left), Literal(right))
    assert run(b.store(OUT, (0, 0), value))["out"][0, 0] == expected


def test_unsigned_arithmetic_wraps() -> None:
    product = Binary("*", Literal(4_000_000_000, U32), Literal(3, U32))
    quotient = Binary("/", product, Literal(2, U32))
    result = run(b.store(OUT, (0, 0), Cast(I32, quotient)))
    assert result["out"][0, 0] == (4_000_000_000 * 3 % 2**32) // 2


def test_floats_round_after_each_operation() -> None:
    tenth, third = np.float32(0.1), np.float32(1) / np.float32(3)
    value = Binary("+", Binary("/", Literal(1.0, F32), Literal(3.0, F32)), Literal(0.1, F32))
    assert run(b.store(REAL, (2,), value))["real"][2] == third + tenth


def test_lookup_and_accesses_are_traced() -> None:
    seen = []
    result = arrays()
    body = b.store(NARROW, ("i",), Lookup("table", b.add(b.load(X, "i", 0), 6)))
    run_kernel(kernel(*b.nest([("i", 4)], body)), result, trace=lambda *access: seen.append(access))
    assert result["narrow"].tolist() == [15, 12, 9, 6]
    assert seen[:3] == [("read", "x", 0), ("read", "table", 0), ("write", "narrow", 0)]
    assert seen[3:6] == [("read", "x", 3), ("read", "table", 3), ("write", "narrow", 1)]


def test_shared_memory_is_read_and_written_in_order() -> None:
    memory = np.arange(5, dtype=np.int8)
    source = Buffer("source", DType.INT8, (4,), Role.INPUT)
    target = Buffer("target", DType.INT8, (4,), Role.OUTPUT)
    shift = LoopKernel(
        "shift",
        (source, target),
        b.nest([("i", 4)], b.store(target, ("i",), b.load(source, "i"))),
    )
    run_kernel(shift, {"source": memory[:4], "target": memory[1:]})
    assert memory.tolist() == [0, 0, 0, 0, 0]


BIG = Literal(2**31 - 1)
WRONG: dict[str, tuple[tuple[Stmt, ...], str]] = {
    "index beyond": (
        b.nest([("i", 5)], b.store(NARROW, ("i",), 0)),
        r"narrow\[i\]: index 4 is outside 0\.\.3",
    ),
    "index below": (
        b.nest([("i", 2)], b.store(OUT, (0, 0), b.load(X, 0, affine("i") - 1))),
        r"x\[0, i - 1\]: index -1 is outside 0\.\.2",
    ),
    "row overrun that stays in the buffer": (
        (b.store(OUT, (0, 0), b.load(X, 0, 3)),),
        r"x\[0, 3\]: index 3 is outside",
    ),
    "sum overflows": (
        (b.store(OUT, (0, 0), Binary("+", BIG, Literal(1))),),
        r"\(2147483647 \+ 1\): 2147483648 does not fit",
    ),
    "product overflows int64": (
        (b.store(OUT, (0, 0), Cast(I32, b.mul(Cast(I64, BIG), Literal(2**40, I64)))),),
        "does not fit",
    ),
    "accumulator overflows": (
        (
            Local("acc", I32, BIG),
            Accumulate("acc", Literal(1)),
            b.store(OUT, (0, 0), Var("acc")),
        ),
        r"acc \+= 1: 2147483648 does not fit",
    ),
    "quotient overflows": (
        (b.store(OUT, (0, 0), Binary("/", Literal(-(2**31)), Literal(-1))),),
        "does not fit",
    ),
    "division by zero": (
        (b.store(OUT, (0, 0), Binary("/", BIG, b.sub(3, Literal(3)))),),
        "division by zero",
    ),
    "value does not fit the element": (
        (b.store(NARROW, (0,), Literal(128)),),
        r"narrow\[0\] = 128: 128 does not fit -128\.\.127",
    ),
    "cast does not fit": (
        (b.store(OUT, (0, 0), Cast(DType.UINT8, Literal(-1))),),
        r"uint8\(-1\): -1 does not fit 0\.\.255",
    ),
    "float without integer value": (
        (
            b.store(
                OUT,
                (0, 0),
                Cast(I32, Binary("/", Literal(1.0, F32), Literal(0.0, F32))),
            ),
        ),
        "inf has no integer value",
    ),
    "lookup outside": (
        (b.store(OUT, (0, 0), Lookup("table", Literal(16))),),
        r"table\[\[16\]\]: index 16 is outside 0\.\.15",
    ),
    "undefined local": ((b.store(OUT, (0, 0), Var("v")),), "local v is not defined"),
    "local of an inner body": (
        (
            If((b.inside(0, 1),), (Local("v", I32, Literal(1)),)),
            b.store(OUT, (0, 0), Var("v")),
        ),
        "local v is not defined",
    ),
    "assignment to an undefined local": ((Assign("v", Literal(1)),), "local v is not defined"),
    "undefined loop": ((b.store(NARROW, ("i",), 0),), "loop variable i is not defined"),
    "store to an input": ((b.store(X, (0, 0), 0),), "store to x, which is input"),
    "unknown function": ((b.store(OUT, (0, 0), b.call("cbrt", 1)),), "function cbrt"),
    "wrong type": ((b.store(OUT, (0, 0), Literal(1.0, F32)),), "value is float32, not int32"),
    "wrong rank": ((b.store(OUT, (0, 0), Load("x", (affine(0),))),), "1 indices, rank is 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name: str) -> None:
    body, message = WRONG[name]
    with pytest.raises(InternalError, match=message):
        run(*body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.zeros((4, 3), np.int16)}, "array for x is int16"),
        ({"x": np.zeros((3, 4), np.int8)}, r"array for x is int8\(3, 4\)"),
        ({"x": np.zeros((3, 4), np.int8).T}, "not C-contiguous"),
        ({"x": None}, "no array for buffer x"),
    ],
)
def test_refuses_arrays(change: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(InternalError, match=message):
        run_kernel(kernel(*store_all()), arrays() | change)


def test_refuses_read_only_output() -> None:
    given = arrays()
    given["out"].flags.writeable = False
    with pytest.raises(InternalError, match="read-only"):
        run_kernel(kernel(*store_all()), given)


def test_deep_nests_run() -> None:
    """Python allows 20 nested loops; perfect nests may be deeper."""
    loops = [(f"i{n}", 1) for n in range(40)]
    assert run(*b.nest(loops, b.store(OUT, (0, 0), 7)))["out"][0, 0] == 7
