"""Floats, comparisons, selections, truth values and calls of ``math.h``: C against interpreter."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from tests.c_compilers import C_WARNINGS, WARNINGS, run_tool
from tests.loopir.c_program import program, run_program
from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    MATH,
    Buffer,
    Cast,
    Compare,
    Expr,
    Literal,
    Load,
    LoopKernel,
    Role,
    Select,
    affine,
    float_text,
    print_c_body,
    required_headers,
    run_kernel,
    verify_kernel,
)
from tinycc_ml.loopir import build as b

COUNT = 40
F32, I32 = DType.FLOAT32, DType.INT32
X = Buffer("x", F32, (COUNT,), Role.INPUT)
Y = Buffer("y", F32, (COUNT,), Role.INPUT)


def elementwise(value: Expr, dtype: DType = F32) -> LoopKernel:
    """``output[i] = value`` for operands at ``i``."""
    output = Buffer("output", dtype, (COUNT,), Role.OUTPUT)
    buffers = (X, Y, Buffer("truth", DType.BOOL, (COUNT,), Role.INPUT), output)
    body = b.nest([("i", COUNT)], b.store(output, ["i"], value))
    return verify_kernel(LoopKernel("k", buffers, body))


def load(name: str) -> Expr:
    return Load(name, (affine("i"),))


def calls() -> dict[str, Expr]:
    """A call of each function, at arguments inside its domain."""
    positive = b.add(b.call("fabs", load("x")), b.number(0.25))
    inside = b.call("sin", load("x"))
    special: dict[str, tuple[Expr, ...]] = {
        **dict.fromkeys(("sqrt", "log", "log1p"), (positive,)),
        **dict.fromkeys(("asin", "acos", "atanh"), (inside,)),
        "acosh": (b.add(positive, b.number(1.0)),),
        "pow": (positive, load("y")),
        "fmod": (load("x"), positive),
        "atan2": (load("x"), load("y")),
    }
    return {name: b.call(name, *special.get(name, (load("x"),))) for name in MATH}


CASES: dict[str, LoopKernel] = {
    **{name: elementwise(call) for name, call in calls().items()},
    **{
        f"compare {operator}": elementwise(Compare(operator, load("x"), load("y")), DType.BOOL)
        for operator in ("<", "<=", ">", ">=", "==", "!=")
    },
    "select by comparison": elementwise(
        Select(Compare("<", load("x"), load("y")), b.mul(load("x"), b.number(-0.1)), load("y"))
    ),
    "select by truth": elementwise(b.add(Select(load("truth"), load("x"), load("y")), load("x"))),
    "nested select": elementwise(
        Select(
            Compare(">", load("x"), b.number(1.0)),
            b.number(math.inf),
            Select(Compare("<", load("x"), load("y")), b.number(-math.inf), load("y")),
        )
    ),
    "truth as a number": elementwise(b.mul(Cast(F32, load("truth")), load("x"))),
    "copied truth": elementwise(load("truth"), DType.BOOL),
    "integers of floats": elementwise(Cast(I32, b.mul(load("x"), b.number(1000.0))), DType.INT32),
    "sums of comparisons": elementwise(
        b.add(Compare("<=", load("x"), load("y")), Compare("!=", load("x"), Literal(0.5, F32))),
        DType.UINT8,
    ),
}


def arrays(kernel: LoopKernel) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    x, y = (rng.uniform(-3, 3, COUNT).astype(np.float32) for _ in range(2))
    x[:8], y[:4] = y[:8], -y[:4]
    output = np.zeros(COUNT, kernel.buffers[-1].dtype.numpy)
    return {"x": x, "y": y, "truth": rng.random(COUNT) < 0.5, "output": output}


@pytest.mark.parametrize(
    "command",
    [
        ("gcc", "-std=c99", *C_WARNINGS),
        ("clang", "-std=c11", "-ffp-contract=off", *C_WARNINGS),
        ("g++", "-x", "c++", "-ffp-contract=off", *WARNINGS),
    ],
    ids=["gcc", "clang", "c++"],
)
def test_c_computes_what_the_interpreter_does(command: tuple[str, ...], tmp_path: Path) -> None:
    kernels = list(CASES.values())
    (tmp_path / "k.c").write_text(program(kernels))
    relaxed = () if command[0] == "g++" else ("-Wno-missing-prototypes",)
    run_tool([*command, *relaxed, "-O1", "k.c", "-o", "k", "-lm"], tmp_path)
    given = [arrays(kernel) for kernel in kernels]
    found = run_program(tmp_path / "k", kernels, given)
    for name, kernel, mine, theirs in zip(CASES, kernels, given, found, strict=True):
        run_kernel(kernel, mine)
        if name in MATH:
            np.testing.assert_array_max_ulp(theirs["output"], mine["output"], 4)
        else:
            assert theirs["output"].tobytes() == mine["output"].tobytes(), name


def test_is_formatted_as_clang_format_does(tmp_path: Path) -> None:
    text = "\n".join(f"void f(void) {{\n{print_c_body(k)}}}\n" for k in CASES.values())
    style = Path(__file__).parents[2] / ".clang-format"
    (tmp_path / "k.c").write_text(text)
    assert run_tool(["clang-format", f"--style=file:{style}", "k.c"], tmp_path) == text


def test_headers_only_where_they_are_needed() -> None:
    assert required_headers(CASES["select by comparison"]) == ()
    assert required_headers(CASES["exp"]) == ("math.h",)
    assert required_headers(CASES["nested select"]) == ("math.h",)


@pytest.mark.parametrize("bits", range(0, 2**32, 0x0101_4F37))
def test_literals_give_the_same_float_back(bits: int) -> None:
    value = np.array([bits], np.uint32).view(np.float32)[0]
    text = float_text(float(value))
    special = {"NAN": np.nan, "INFINITY": np.inf, "-INFINITY": -np.inf}
    back = np.float32(special[text] if text in special else text.removesuffix("F"))
    assert back == value or (np.isnan(back) and np.isnan(value))


def test_meanings_outside_the_domain() -> None:
    assert MATH["exp"].meaning(1000.0) == math.inf
    assert math.isnan(MATH["sqrt"].meaning(-1.0))
    assert MATH["log"].meaning(0.0) == -math.inf
    assert [MATH["rint"].meaning(x) for x in (0.5, 1.5, -2.5)] == [0.0, 2.0, -2.0]
