"""Pieces of C text: nothing from outside gets out of a comment, numbers come back the same."""

from __future__ import annotations

import subprocess
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml.emit.text import (
    COLUMNS,
    array_data,
    block_comment,
    comment_safe,
    fill,
    float_literal,
    wrap,
)

HOSTILE = [
    "*/ int main;",
    "/* nested",
    "??/",
    "??/\n",
    "two\nlines",
    "ends with \\",
    "\\\n",
    "\r\n\t\v\f\0",
    "\u2028\u202e\ufeff",
    "%s%n {{ jinja }} {% raw %}",
    '"quoted"',
    "`ticks` | table | [link](x)",
]
WORDS = st.lists(st.text("abcz_()0", min_size=1, max_size=30), min_size=1, max_size=40)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_harmless_in_a_comment(text):
    safe = comment_safe(text)
    assert safe.isascii()
    assert safe.isprintable()
    assert not set(safe) & set('*/?\\"`|{}%')


@given(st.text())
def test_any_text_is_harmless_in_a_comment(text):
    safe = comment_safe(text)
    assert safe == "" or (safe.isascii() and safe.isprintable())
    assert not any(piece in safe for piece in ("*/", "/*", "??", "\\", "\n"))


@pytest.mark.parametrize("limit", [10, 60, 80])
def test_long_text_is_cut_and_says_so(limit):
    safe = comment_safe("x" * 10_000, limit)
    assert len(safe) == limit
    assert safe.endswith("...")
    assert comment_safe("x" * limit, limit) == "x" * limit


@given(
    st.text("abc_", min_size=1, max_size=60), WORDS, st.sampled_from([");", ") {"]), st.booleans()
)
def test_wrap_keeps_all_items_in_lines_that_fit(name, items, tail, declaration):
    head = f"  {name}("
    text = wrap(head, items, tail, declaration=declaration)
    assert "".join(text.split()) == "".join([head, *",".join(items), tail]).replace(" ", "")
    assert all(len(line) <= COLUMNS for line in text.split("\n"))
    first, *rest = text.split("\n")
    assert first.startswith(head)
    below = first == head
    assert all(line.startswith("      " if below else " " * len(head)) for line in rest)
    # No line has room for the first item of the next one.
    for upper, lower in pairwise(rest if below else [first, *rest]):
        assert len(upper) + 1 + len(lower.split()[0]) > COLUMNS


def test_wrap_without_items():
    assert wrap("void f(", [], ")") == "void f()"


@given(WORDS)
def test_fill_keeps_all_words_in_order(words):
    text = fill(words, "/* ", " * ", " */")
    body = text.removeprefix("/* ").removesuffix(" */").replace("\n * ", " ")
    assert body.split() == words
    assert all(len(line) <= COLUMNS for line in text.split("\n"))


@given(st.lists(WORDS.map(" ".join), min_size=1, max_size=5))
def test_a_block_comment_begins_and_ends_once(sentences):
    text = block_comment([comment_safe(s, 500) for s in sentences])
    assert text.startswith("/* ")
    assert text.endswith(" */")
    assert text.count("/*") == text.count("*/") == 1
    assert all(line.startswith(" * ") for line in text.split("\n")[1:])


FLOATS = [0.0, -0.0, 1.0, -1.0, 1 / 3, 1e-45, 1.17549435e-38, 3.4028235e38, 1e10, 123456792.0, 0.1]


@pytest.mark.parametrize("x", FLOATS)
def test_float_literals_give_the_same_float_back(x):
    text = float_literal(float(np.float32(x)))
    assert np.float32(text.removesuffix("F")).tobytes() == np.float32(x).tobytes()


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_any_float_literal_gives_the_same_float_back(x):
    text = float_literal(x)
    assert text.endswith("F")
    # Without a point or an exponent it would be an integer with a wrong suffix.
    assert "." in text or "e" in text
    assert np.float32(text.removesuffix("F")).tobytes() == np.float32(x).tobytes()


ARRAYS = {
    "int8_t": np.array([-128, -1, 0, 127], np.int8),
    "uint8_t": np.array([0, 255], np.uint8),
    "int16_t": np.array([-(2**15), 2**15 - 1], np.int16),
    "int32_t": np.array([-(2**31), -(2**31) + 1, 2**31 - 1, 0], np.int32),
    "uint32_t": np.array([0, 2**32 - 1, 2**31], np.uint32),
    "int64_t": np.array([-(2**63), -(2**63) + 1, 2**63 - 1, 2**31, -(2**31)], np.int64),
    "float": np.array(FLOATS, np.float32),
}


@pytest.mark.parametrize("c_type", ARRAYS)
def test_the_compiler_reads_the_same_elements_back(c_type, tmp_path):
    array = ARRAYS[c_type]
    source = tmp_path / "array.c"
    source.write_text(
        "#include <stdint.h>\n#include <stdio.h>\n"
        f"static const {c_type} data[] = {{\n{array_data(array)}\n}};\n"
        "int main(void) { return fwrite(data, 1, sizeof data, stdout) != sizeof data; }\n"
    )
    program = tmp_path / "array"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    subprocess.run(["gcc", *flags, source, "-o", program], check=True)
    assert subprocess.run([program], check=True, capture_output=True).stdout == array.tobytes()


@given(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=200))
def test_array_data_has_short_lines_and_every_element(values):
    text = array_data(np.array(values, np.int32))
    lines = text.split("\n")
    assert all(len(line) <= COLUMNS and line.startswith("    ") for line in lines)
    literals = text.replace("INT32_MIN", str(-(2**31))).replace(",", " ").split()
    assert [int(x) for x in literals] == values


def test_arrays_of_several_dimensions_are_written_row_by_row():
    assert array_data(np.arange(6, dtype=np.int8).reshape(2, 3)) == "    0, 1, 2, 3, 4, 5,"
