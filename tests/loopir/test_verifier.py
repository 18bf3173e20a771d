"""The verifier takes what operators lower to, and finds planted faults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.loopir.random_kernels import conv_kernel, random_arrays, random_kernel
from tests.loopir.samples import BUFFERS, NARROW, OUT, REAL, X, kernel, store_all
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Assign,
    Binary,
    Cast,
    Condition,
    For,
    If,
    Literal,
    Load,
    Local,
    Lookup,
    Stmt,
    Store,
    Var,
    affine,
    run_kernel,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.c_indices import uses
from tinycc_ml.loopir.printer import format_affine
from tinycc_ml.loopir.walk import Body, map_indices

I32, F32 = DType.INT32, DType.FLOAT32


@settings(max_examples=100)
@given(st.randoms(use_true_random=False))
def test_accepts_random_kernels(r: Random) -> None:
    verify_kernel(random_kernel(r))


GOOD: dict[str, tuple[Stmt, ...]] = {
    "guarded index": b.nest(
        [("i", 9)],
        If((b.inside(affine("i") - 3, 4),), (b.store(NARROW, (affine("i") - 3,), 0),)),
    ),
    "multiple of a guarded index": b.nest(
        [("o", 2), ("k", 2), ("j", 2)],
        If(
            (b.inside(affine("o") * 2 + "k", 2),),
            (b.store(NARROW, (affine("o") * 4 + affine("k") * 2 + "j",), 0),),
        ),
    ),
    "negated guarded index": b.nest(
        [("i", 9)],
        If((b.inside("i", 4),), (b.store(NARROW, (affine(3) - "i",), 0),)),
    ),
    "code that never runs": (If((b.inside(-1, 3),), (b.store(NARROW, (-1,), 0),)),),
    "output read after a store": (
        *store_all(),
        b.store(OUT, (0, 0), b.load(OUT, 3, 2)),
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_accepts(name: str) -> None:
    verify_kernel(kernel(*GOOD[name]))


FAULTS: dict[str, tuple[tuple[Stmt, ...], str]] = {
    "one beyond": (
        b.nest([("i", 5)], b.store(NARROW, ("i",), 0)),
        r"narrow\[i\]: index 0 runs over 0\.\.4, the buffer over 0\.\.3",
    ),
    "guard one too wide": (
        b.nest(
            [("i", 9)],
            If((Condition(affine("i") - 3, 0, 5),), (b.store(NARROW, (affine("i") - 3,), 0),)),
        ),
        r"index 0 runs over 0\.\.4",
    ),
    "guard on another loop": (
        b.nest(
            [("i", 9), ("j", 9)],
            If((b.inside("i", 4),), (b.store(NARROW, ("j",), 0),)),
        ),
        r"index 0 runs over 0\.\.8",
    ),
    "guard closed before": (
        b.nest(
            [("i", 5)],
            If((b.inside("i", 4),), (b.store(NARROW, ("i",), 0),)),
            b.store(NARROW, ("i",), 0),
        ),
        r"index 0 runs over 0\.\.4",
    ),
    "shadowed loop": (
        b.nest([("i", 2), ("i", 2)], b.store(NARROW, ("i",), 0)),
        "i is defined twice",
    ),
    "loop named as a buffer": (b.nest([("x", 2)], b.store(NARROW, ("x",), 0)), "x is defined"),
    "local defined twice": (
        (Local("v", I32, Literal(0)), Local("v", I32, Literal(0))),
        "v is defined twice",
    ),
    "keyword": (b.nest([("int", 2)], b.store(NARROW, ("int",), 0)), "'int' cannot be a name"),
    "no identifier": (b.nest([("i-1", 2)], b.store(NARROW, (0,), 0)), "cannot be a name"),
    "undefined local": ((b.store(OUT, (0, 0), Var("v")),), "local v is not defined"),
    "local used before": (
        (b.store(OUT, (0, 0), Var("v")), Local("v", I32, Literal(0))),
        "local v is not defined",
    ),
    "local of an inner body": (
        (
            *b.nest([("i", 2)], Local("v", I32, Literal(0))),
            b.store(OUT, (0, 0), Var("v")),
        ),
        "local v is not defined",
    ),
    "sum into an undefined local": ((Accumulate("v", Literal(1)),), "local v is not defined"),
    "assignment to an undefined local": ((Assign("v", Literal(1)),), "local v is not defined"),
    "loop not around": (
        (*b.nest([("i", 2)], b.store(NARROW, ("i",), 0)), b.store(NARROW, ("i",), 0)),
        "loop i is not around it",
    ),
    "condition on a loop not around": (
        (If((b.inside("i", 2),), (b.store(NARROW, (0,), 0),)),),
        "loop i is not around it",
    ),
    "wrong rank of a load": ((b.store(OUT, (0, 0), b.load(X, 0)),), "1 indices, rank is 2"),
    "wrong rank of a store": ((b.store(OUT, (0,), 0),), "1 indices, rank is 2"),
    "store to an input": ((b.store(X, (0, 0), 0),), "x is stored to, but is input"),
    "unknown buffer": (
        (Store("nowhere", (affine(0),), Literal(0)),),
        "the buffer does not exist",
    ),
    "load of an unknown buffer": (
        (b.store(OUT, (0, 0), Load("nowhere", (affine(0),))),),
        "the buffer does not exist",
    ),
    "output read before a store": (
        (b.store(OUT, (0, 0), b.load(OUT, 0, 0)),),
        "out is read before anything is stored to it",
    ),
    "extent zero": (b.nest([("i", 0)], b.store(NARROW, (0,), 0)), "loop i has extent 0"),
    "empty condition": ((If((), (b.store(NARROW, (0,), 0),)),), "an If without conditions"),
    "condition that never holds": (
        b.nest([("i", 2)], If((Condition(affine("i"), 1, 1),), (b.store(NARROW, (0,), 0),))),
        "never holds",
    ),
    "float into an integer": (
        (b.store(OUT, (0, 0), Literal(1.0, F32)),),
        "the value is float32, not int32",
    ),
    "mixed operands": (
        (b.store(REAL, (0,), Binary("+", Literal(1.0, F32), Literal(1))),),
        "1 is int32, not float32",
    ),
    "wide into a narrow element": (
        (b.store(NARROW, (0,), Cast(DType.INT64, Literal(1))),),
        "the value is int64, not int32",
    ),
    "narrow local": ((Local("v", DType.INT8, Literal(1)),), "local v is int8; allowed int32"),
    "literal that does not fit": ((Local("v", I32, Literal(2**31)),), "does not fit int32"),
    "literal without value": (
        (Local("v", F32, Literal(float("nan"), F32)),),
        "nan is no literal of float32",
    ),
    "lookup of two dimensions": (
        (b.store(OUT, (0, 0), Lookup("x", Literal(0))),),
        "no one-dimensional table",
    ),
    "too few arguments": ((b.store(OUT, (0, 0), b.call("requantize", 1)),), "takes 3 arguments"),
    "unknown function": ((b.store(OUT, (0, 0), b.call("cbrt", 1)),), "function cbrt"),
    "unknown operator": (
        (b.store(OUT, (0, 0), Binary("%", Literal(1), Literal(2))),),
        "operator '%'",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_finds(name: str) -> None:
    body, message = FAULTS[name]
    with pytest.raises(InternalError, match=message):
        verify_kernel(kernel(*body))


def test_finds_a_bad_buffer() -> None:
    for buffer, message in (
        (replace(OUT, shape=(4, 0)), "shape"),
        (replace(OUT, shape=(1 << 16, 1 << 15)), "shape"),
        (replace(OUT, name="x"), "x is defined twice"),
        (replace(OUT, name="tcml_x"), "cannot be a name"),
    ):
        buffers = tuple(buffer if old is OUT else old for old in BUFFERS)
        with pytest.raises(InternalError, match=message):
            verify_kernel(replace(kernel(), buffers=buffers))


def test_is_sound_on_shifted_indices() -> None:
    """What the verifier takes runs; of indices moved by one it refuses nearly all."""
    accepted = refused = 0
    for seed in range(150):
        r = Random(seed)
        good = conv_kernel(r)
        found = sorted({use.index for use in uses(good.body)} - {affine(0)}, key=format_affine)
        wanted, offset = r.choice(found), r.choice((-1, 1))

        def moved(index: Affine, wanted: Affine = wanted, offset: int = offset) -> Affine:
            return index + offset if index == wanted else index

        # Loads and stores only: a moved condition would move its access as well.
        bad = replace(good, body=_in_accesses(good.body, moved))
        try:
            verify_kernel(bad)
        except InternalError:
            refused += 1
        else:
            run_kernel(bad, random_arrays(bad, seed))
            accepted += 1
    assert refused > 100
    assert accepted > 0


def _in_accesses(body: Body, f: Callable[[Affine], Affine]) -> Body:
    result: Body = ()
    for s in body:
        if isinstance(s, For | If):
            result += (replace(s, body=_in_accesses(s.body, f)),)
        else:
            result += map_indices((s,), f)
    return result


@settings(max_examples=40)
@given(st.randoms(use_true_random=False))
def test_finds_dropped_guards(r: Random) -> None:
    """A convolution that needs conditions is refused without them."""

    def unguarded(body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
        result: tuple[Stmt, ...] = ()
        for s in body:
            if isinstance(s, If):
                result += unguarded(s.body)
            else:
                result += (replace(s, body=unguarded(s.body)),) if isinstance(s, For) else (s,)
        return result

    good = conv_kernel(r)
    bad = replace(good, body=unguarded(good.body))
    if bad == good:
        verify_kernel(bad)
    else:
        with pytest.raises(InternalError, match="runs over"):
            verify_kernel(bad)
