"""The printed C: what it looks like, and that compilers and the interpreter agree on it."""

from __future__ import annotations

import shutil
import textwrap
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest

from tests.c_compilers import COMPILERS, run_tool
from tests.loopir.c_program import Arrays, kernels_file, program, run_program
from tests.loopir.random_kernels import random_arrays, random_kernel
from tests.loopir.samples import NARROW, OUT, X, kernel, store_all
from tests.schedule.random_schedules import random_schedule
from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    FUNCTIONS,
    Accumulate,
    Affine,
    Buffer,
    Cast,
    Literal,
    Local,
    LoopKernel,
    Role,
    Var,
    affine,
    print_c_body,
    print_c_function,
    required_functions,
    run_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.c_functions import MIN_MAX

BATCH = 120
SANITIZERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OBJECT_ONLY = ("gcc-c11", "clang-c99", "clang++", "cortex-m0plus-c99", "cortex-m7-c11")
RUN = ("gcc-c99", "clang-c11", "g++")


@lru_cache(maxsize=1)
def batch() -> tuple[tuple[LoopKernel, ...], tuple[Arrays, ...], tuple[Arrays, ...]]:
    """Kernels, half of them scheduled, their arrays before and after the interpreter."""
    kernels, before, after = [], [], []
    for seed in range(BATCH):
        r = Random(seed)
        drawn = random_kernel(r)
        if seed % 2:
            _, drawn, _ = random_schedule(r, drawn)
        result = random_arrays(drawn, seed)
        run_kernel(drawn, result)
        kernels.append(drawn)
        before.append(random_arrays(drawn, seed))
        after.append(result)
    return tuple(kernels), tuple(before), tuple(after)


def compiler(name: str) -> tuple[str, ...]:
    command = COMPILERS[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return command


@pytest.mark.parametrize("name", RUN)
def test_c_computes_what_the_interpreter_does(name: str, tmp_path: Path) -> None:
    kernels, before, after = batch()
    (tmp_path / "kernels.c").write_text(program(kernels))
    run_tool([*compiler(name), *SANITIZERS, "kernels.c", "-o", "kernels"], tmp_path)
    found = run_program(tmp_path / "kernels", kernels, before)
    for drawn, expected, result in zip(kernels, after, found, strict=True):
        for buffer, array in expected.items():
            assert array.tobytes() == result[buffer].tobytes(), print_c_body(drawn)


@pytest.mark.parametrize("name", OBJECT_ONLY)
def test_c_compiles_without_warnings(name: str, tmp_path: Path) -> None:
    (tmp_path / "kernels.c").write_text(kernels_file(batch()[0]))
    run_tool([*compiler(name), "-O2", "-c", "kernels.c"], tmp_path)


def test_clang_format_changes_nothing(tmp_path: Path) -> None:
    if shutil.which("clang-format") is None:
        pytest.skip("clang-format is not installed")
    bodies = [print_c_body(drawn) for drawn in batch()[0]]
    # Deeper and deeper, so that lines have less and less room.
    deep = [
        "".join("  " * i + "{\n" for i in range(1, level))
        + print_c_body(drawn, indentation=2 * level)
        + "".join("  " * i + "}\n" for i in reversed(range(1, level)))
        for level, drawn in enumerate(batch()[0][:16], start=1)
    ]
    functions = [print_c_function(f) for f in (*FUNCTIONS.values(), *MIN_MAX.values())]
    text = "\n".join([*functions, *(f"void f(void) {{\n{body}}}\n" for body in bodies + deep)])
    style = Path(__file__).parents[2] / ".clang-format"
    (tmp_path / "kernels.c").write_text(text)
    assert run_tool(["clang-format", f"--style=file:{style}", "kernels.c"], tmp_path) == text
    assert max(map(len, text.splitlines())) <= 100


def test_is_deterministic() -> None:
    drawn = random_kernel(Random(7))
    assert print_c_body(drawn) == print_c_body(random_kernel(Random(7)))


def body_text(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text).lstrip("\n"), "  ")


def test_padded_strided_window() -> None:
    image = Buffer("input", DType.INT8, (1, 8, 3), Role.INPUT)
    iy: Affine = affine("oy") * 2 + "ky" - 1
    pixel = b.sub(b.load(image, 0, iy, "c"), -128)
    drawn = LoopKernel(
        "window",
        (image, NARROW, Buffer("unused", DType.INT8, (1,), Role.INPUT)),
        b.nest(
            [("oy", 4), ("c", 1)],
            Local("acc", DType.INT32, Literal(0)),
            *b.nest(
                [("ky", 3)],
                *b.when([b.inside(iy, 8)], Accumulate("acc", pixel)),
            ),
            b.store(NARROW, ("oy",), b.clamp(Var("acc"), -128, 127)),
        ),
    )
    assert print_c_body(drawn) == body_text(
        """
        (void)unused;
        for (int32_t oy = 0; oy < 4; ++oy) {
          int32_t acc = 0;
          for (int32_t ky = 0; ky < 3; ++ky) {
            const int32_t iy = oy * 2 + ky - 1;
            if (iy >= 0) {
              acc += (int32_t)input[iy * 3] + 128;
            }
          }
          narrow[oy] = (int8_t)tcml_min_s32(tcml_max_s32(acc, -128), 127);
        }
        """
    )
    assert [f.name for f in required_functions(drawn)] == ["max_s32", "min_s32"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b.add(b.load(X, 0, 1), -3), "(int32_t)x[1] - 3"),
        (b.sub(1, b.sub(2, Literal(3))), "1 - (2 - 3)"),
        (b.sub(b.sub(1, Literal(2)), 3), "1 - 2 - 3"),
        (b.mul(b.add(1, Literal(2)), 3), "(1 + 2) * 3"),
        (b.div(b.mul(5, 2), b.mul(3, 4)), "5 * 2 / (3 * 4)"),
        (b.sub(1, Literal(-(2**31))), "1 - INT32_MIN"),
        (b.mul(2, Literal(-5)), "2 * -5"),
        (Cast(DType.INT8, b.add(1, Literal(2))), "(int8_t)(1 + 2)"),
        (Cast(DType.INT32, Literal(4_000_000, DType.UINT32)), "(int32_t)4000000U"),
        (Cast(DType.INT32, Literal(2**40, DType.INT64)), "(int32_t)INT64_C(1099511627776)"),
        (Cast(DType.INT32, Literal(0.1, DType.FLOAT32)), "(int32_t)0.1F"),
        (Cast(DType.INT32, Cast(DType.INT64, b.load(X, 0, 0))), "(int32_t)(int64_t)x[0]"),
    ],
)
def test_expressions(value: b.Value, text: str) -> None:
    assert print_c_body(kernel(b.store(OUT, (0, 0), value))).splitlines()[-1] == (
        f"  out[0] = {text};"
    )


def test_copies_need_no_conversion() -> None:
    source = Buffer("source", DType.INT8, (4,), Role.INPUT)
    drawn = LoopKernel(
        "copy",
        (source, NARROW),
        b.nest([("i", 4)], b.store(NARROW, ("i",), b.load(source, "i"))),
    )
    assert "narrow[i] = source[i];" in print_c_body(drawn)


def test_functions_come_after_those_they_call() -> None:
    value = b.call("requantize", b.clamp(b.load(X, "i", "j"), -9, 9), 1 << 30, 0)
    names = [f.name for f in required_functions(kernel(*store_all(value)))]
    assert names.index("rounding_divide_by_pot") < names.index("requantize")
    assert {"max_s32", "min_s32"} <= set(names)
    assert len(set(names)) == len(names)
