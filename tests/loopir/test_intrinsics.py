"""Calls of intrinsics: what the verifier refuses, the interpreter runs, and C looks like."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.c_compilers import run_tool
from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir import (
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    Intrinsic,
    Literal,
    LoopKernel,
    Role,
    SharedText,
    Table,
    affine,
    format_kernel,
    print_c_body,
    print_c_intrinsics,
    required_intrinsics,
    run_kernel,
    simplify_kernel,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.c_intrinsics import GUARDS, _signature

X = Buffer("x", DType.INT8, (4,), Role.INPUT)
Y = Buffer("y", DType.INT16, (4,), Role.OUTPUT)
DOUBLE = Intrinsic(
    "double4",
    LoopKernel("double4", (X, Y), b.nest([("i", 4)], b.store(Y, ("i",), b.mul(b.load(X, "i"), 2)))),
    "dsp",
    ("  bx lr",),
    ("Doubles.",),
)
INPUT = Buffer("input", DType.INT8, (3, 8), Role.INPUT)
OUTPUT = Buffer("output", DType.INT16, (3, 2, 4), Role.OUTPUT)


def call(source: tuple[Affine, ...], target: tuple[Affine, ...]) -> CallIntrinsic:
    return CallIntrinsic(DOUBLE, (Argument("input", source), Argument("output", target)))


def kernel(row_of: Affine, start: Affine, *buffers: Buffer) -> LoopKernel:
    window = call((row_of, start), (affine("row"), affine("half"), affine(0)))
    return LoopKernel(
        "doubled", buffers or (INPUT, OUTPUT), b.nest([("row", 3), ("half", 2)], window)
    )


GOOD = kernel(affine("row"), affine("half") * 4)


def arrays() -> dict[str, np.ndarray]:
    x = np.arange(24, dtype=np.int8).reshape(3, 8)
    return {"input": x, "output": np.zeros((3, 2, 4), np.int16)}


def test_runs_the_meaning_on_windows():
    data = arrays()
    run_kernel(verify_kernel(GOOD), data)
    assert np.array_equal(data["output"].reshape(3, 8), 2 * data["input"].astype(np.int16))


def test_traces_are_those_of_the_callers_buffers():
    data, seen = arrays(), []
    run_kernel(GOOD, data, trace=lambda *access: seen.append(access))
    reads = [index for what, name, index in seen if (what, name) == ("read", "input")]
    writes = [index for what, name, index in seen if (what, name) == ("write", "output")]
    assert reads == writes == list(range(24))
    assert len(seen) == 48


def test_a_window_may_cross_rows_but_not_the_end():
    verify_kernel(replace(GOOD, body=(call((affine(0), affine(6)), (affine(0),) * 3),)))
    late = replace(GOOD, body=(call((affine(2), affine(5)), (affine(0),) * 3),))
    with pytest.raises(InternalError, match=r"runs over 21\.\.24, the buffer over 0\.\.23"):
        verify_kernel(late)
    with pytest.raises(InternalError, match="outside"):
        run_kernel(late, arrays())
    with pytest.raises(InternalError, match="outside"):
        run_kernel(late, arrays(), trace=lambda *_: None)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (kernel(affine("row") - 1, affine(0)), "the window runs over -8"),
        (kernel(affine("column"), affine(0)), "loop column is not around it"),
        (kernel(affine("row"), affine(0), INPUT, replace(OUTPUT, dtype=DType.INT8)), "is int8"),
        (kernel(affine("row"), affine(0), INPUT, replace(OUTPUT, role=Role.INPUT)), "written, but"),
        (kernel(affine("row"), affine(0), replace(INPUT, shape=(24,)), OUTPUT), "2 indices, rank"),
        (kernel(affine("row"), affine(0), INPUT), "the buffer does not exist"),
        (replace(GOOD, body=(CallIntrinsic(DOUBLE, ()),)), "takes 2 windows, 0 given"),
        (
            replace(GOOD, buffers=(replace(INPUT, role=Role.SCRATCH), OUTPUT)),
            "read before anything is stored",
        ),
    ],
)
def test_refusals(wrong, message):
    with pytest.raises(InternalError, match=message):
        verify_kernel(wrong)


def over_itself(taken: Affine, shift: int) -> LoopKernel:
    """``y[shift + i] = 2 * x[taken]``, for both windows in one buffer."""
    x = replace(X, dtype=DType.INT16)
    stored = b.store(Y, ("i",), b.mul(b.load(x, taken), 2))
    meaning = LoopKernel("double4", (x, Y), b.nest([("i", 4)], stored))
    source, target = (Argument("ring", (affine(start),)) for start in (0, shift))
    ring = Buffer("ring", DType.INT16, (8,), Role.SCRATCH)
    call = CallIntrinsic(replace(DOUBLE, meaning=meaning), (source, target))
    filled = b.nest([("j", 8)], b.store(ring, ("j",), Literal(1)))
    return LoopKernel("both", (ring,), (*filled, call))


def test_a_written_window_is_shared_element_by_element_only():
    verify_kernel(over_itself(affine("i"), 0))
    for wrong in (over_itself(affine("i"), 1), over_itself(affine(3) - affine("i"), 0)):
        with pytest.raises(InternalError, match="written and passed twice"):
            verify_kernel(wrong)


def test_text():
    assert "double4(input[row, 4*half].., output[row, half, 0]..)" in format_kernel(GOOD)
    body = print_c_body(GOOD)
    assert "tcml_double4(&input[row * 8 + half * 4], &output[(row * 2 + half) * 4]);" in body
    text = print_c_intrinsics(required_intrinsics(GOOD))
    assert text.count("tcml_double4(") == 2
    assert text.index("static TCML_NAKED") < text.index("#else") < text.index("static void")
    assert all(term in text for term in GUARDS["dsp"])


def test_what_is_never_called_is_not_printed():
    never = b.when([b.inside(affine("row") - 3, 3)], *GOOD.body[0].body[0].body)  # type: ignore
    body = (For("row", 3, (For("half", 2, never),)),)
    assert simplify_kernel(replace(GOOD, body=body)).body == ()
    assert required_intrinsics(replace(GOOD, body=body)) == ()
    assert print_c_intrinsics(()) == ""


SCALE = Buffer("scale", DType.INT8, (4,), Role.CONSTANT)
SCALED = Intrinsic(
    "scaled4",
    LoopKernel(
        "scaled4",
        (X, Y, SCALE),
        b.nest([("i", 4)], b.store(Y, ("i",), b.mul(b.load(X, "i"), b.load(SCALE, "i")))),
    ),
    "thumb1",
    ("  bx lr",),
    ("Multiplies.",),
    (Table("scale", (2, -3, 5, -128)),),
)


def scaled() -> LoopKernel:
    row = (affine("row"), affine(0))
    windows = (Argument("input", row), Argument("output", (*row, affine(0))))
    return LoopKernel("k", (INPUT, OUTPUT), b.nest([("row", 3)], CallIntrinsic(SCALED, windows)))


def test_tables_are_no_parameters():
    data, seen = arrays(), []
    run_kernel(verify_kernel(scaled()), data, trace=lambda *access: seen.append(access))
    expected = data["input"][:, :4].astype(np.int16) * [2, -3, 5, -128]
    assert np.array_equal(data["output"].reshape(3, 8)[:, :4], expected)
    assert {name for _, name, _ in seen} == {"input", "output"}


def test_text_of_tables():
    text = print_c_intrinsics([SCALED])
    naked, plain = text.split("#else")
    assert "tcml_scaled4(TCML_UNUSED const int8_t *x, TCML_UNUSED int16_t *y) {" in naked
    # GCC reads Thumb-1 assembly in the older syntax unless it is told.
    assert '"  .syntax unified\\n"\n                   "  bx lr\\n"' in naked
    assert "static void tcml_scaled4(const int8_t *x, int16_t *y) {" in plain
    assert "  static const int8_t scale[4] = {2, -3, 5, -128};\n" in plain
    long = replace(SCALED, tables=(Table("scale", tuple(range(100))),))
    lines = print_c_intrinsics([long]).split("\n")
    at = lines.index("  static const int8_t scale[100] = {")
    assert lines[at + 1].startswith("      0, 1, 2,")
    assert lines[at + 5].endswith(" 97, 98, 99,")
    assert lines[at + 6] == "  };"
    assert lines[at - 1] == "  /* clang-format off */"
    assert lines[at + 7] == "  /* clang-format on */"
    assert all(len(line) <= 100 for line in lines)


def test_a_shared_text_is_printed_once_and_told_the_sizes():
    text = SharedText("double_any", ("  bx lr",), ("Doubles any number.",))
    four, eight = (
        replace(DOUBLE, name=f"double_any_{n}", assembly=(), shared=text, sizes=(n, 2 * n))
        for n in (4, 8)
    )
    printed = print_c_intrinsics((four, eight))
    assembly, _, plain = printed.partition("#else")
    assert assembly.count("static TCML_NAKED void tcml_double_any(") == 1
    assert "TCML_UNUSED const uint16_t *sizes) {" in assembly
    for n in (4, 8):
        assert f"static void tcml_double_any_{n}(const int8_t *x, int16_t *y) {{\n" in assembly
        assert f"  static const uint16_t sizes[] = {{{n}, {2 * n}}};\n" in assembly
    assert assembly.count("  tcml_double_any(x, y, sizes);") == 2
    assert "sizes" not in plain and plain.count("static void tcml_double_any_") == 2


@pytest.mark.skipif(shutil.which("clang-format") is None, reason="clang-format is not installed")
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("head", ["static void", "static TCML_NAKED void"])
def test_signatures_with_names_of_all_lengths_are_laid_out_as_clang_format_does(
    head, count, tmp_path
):
    names = ["const int16_t *columns", "const int32_t *stream", "int8_t *output", "int32_t *sums"]
    parameters = [*names, "const uint16_t *more", "int8_t *last"][:count]
    if "NAKED" in head:
        parameters = [f"TCML_UNUSED {name}" for name in parameters]
    text = "\n".join(
        f"{_signature(head, 'n' * length, parameters)}\n  first();\n  second();\n}}\n"
        for length in range(1, 86)
    )
    (tmp_path / "names.c").write_text(text)
    style = Path(__file__).parents[2] / ".clang-format"
    assert run_tool(["clang-format", f"--style=file:{style}", "names.c"], tmp_path) == text
