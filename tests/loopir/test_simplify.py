"""Simplification: what it removes, and that the result stays the same."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loopir.random_kernels import random_arrays, random_kernel
from tests.loopir.samples import NARROW, OUT, REAL, X, kernel
from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    Accumulate,
    Binary,
    Condition,
    If,
    Literal,
    Local,
    Stmt,
    Var,
    affine,
    run_kernel,
    simplify_kernel,
    verify_kernel,
)
from tinycc_ml.loopir import build as b

STORE = b.store(NARROW, ("i",), 0)

CASES: dict[str, tuple[tuple[Stmt, ...], tuple[Stmt, ...]]] = {
    "unit loop": (
        b.nest([("i", 4), ("u", 1)], b.store(NARROW, (affine("i") + "u",), 0)),
        b.nest([("i", 4)], STORE),
    ),
    "condition that always holds": (
        b.nest([("i", 4)], If((b.inside("i", 4), b.inside("i", 3)), (STORE,))),
        b.nest([("i", 4)], If((b.inside("i", 3),), (STORE,))),
    ),
    "condition implied by another": (
        b.nest([("i", 9)], If((b.inside("i", 3), b.inside("i", 4)), (STORE,))),
        b.nest([("i", 9)], If((b.inside("i", 3),), (STORE,))),
    ),
    "condition that never holds": (
        (
            b.store(NARROW, (0,), 1),
            *b.nest([("i", 4)], If((Condition(affine("i"), 4, 9),), (STORE,))),
        ),
        (b.store(NARROW, (0,), 1),),
    ),
    "nested conditions": (
        b.nest(
            [("i", 9)],
            If((b.inside("i", 4),), (If((b.inside(affine("i") - 1, 9),), (STORE,)),)),
        ),
        b.nest([("i", 9)], If((b.inside("i", 4), b.inside(affine("i") - 1, 9)), (STORE,))),
    ),
    "identities": (
        (
            b.store(
                OUT,
                (0, 0),
                Binary("+", Literal(0), b.mul(Binary("-", b.load(X, 0, 0), Literal(0)), 1)),
            ),
        ),
        (b.store(OUT, (0, 0), b.load(X, 0, 0)),),
    ),
    "float identities stay": (
        (
            b.store(
                REAL,
                (0,),
                Binary("+", Literal(-0.0, DType.FLOAT32), Literal(0.0, DType.FLOAT32)),
            ),
        ),
        (
            b.store(
                REAL,
                (0,),
                Binary("+", Literal(-0.0, DType.FLOAT32), Literal(0.0, DType.FLOAT32)),
            ),
        ),
    ),
    "locals that nothing reads": (
        (
            Local("v", DType.INT32, Literal(1)),
            Local("w", DType.INT32, Var("v")),
            *b.nest([("i", 4)], Accumulate("w", Literal(1))),
            b.store(NARROW, (0,), 0),
        ),
        (b.store(NARROW, (0,), 0),),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_simplifies(name: str) -> None:
    before, after = CASES[name]
    assert simplify_kernel(verify_kernel(kernel(*before))).body == after


@settings(max_examples=100)
@given(st.randoms(use_true_random=False), st.integers(0, 99))
def test_same_result(r: Random, seed: int) -> None:
    before = random_kernel(r)
    after = verify_kernel(simplify_kernel(before))
    expected, found = random_arrays(before, seed), random_arrays(before, seed)
    run_kernel(before, expected)
    run_kernel(after, found)
    for name, array in expected.items():
        assert array.tobytes() == found[name].tobytes()
    assert simplify_kernel(after) == after
