"""Small pieces of C text: names, comments, wrapped lines, array data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from tinycc_ml.graph import Array
from tinycc_ml.loopir import float_text

COLUMNS = 100
_UNSAFE = re.compile(r"[^A-Za-z0-9_ .,:;()<>=+@#\[\]-]")


def comment_safe(text: str, limit: int = 60) -> str:
    """Text from outside, made harmless inside a C comment.

    A model file may hold any bytes as names: a comment's end, line breaks, trigraphs.
    """
    cleaned = _UNSAFE.sub("_", text)
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 3] + "..."


def wrap(head: str, items: Sequence[str], tail: str, *, declaration: bool = False) -> str:
    """``head(items, ...)tail`` in lines of at most 100 columns, broken as clang-format does.

    Continuation lines are aligned with the first item. Where that takes so many lines more that
    clang-format prefers it, or an item has no room there, all items go below the head.
    """
    aligned = _pack(head, " " * len(head), items, tail)
    below = " " * (len(head) - len(head.lstrip()) + 4)
    broken = [head, *_pack(below, below, items, tail)]
    # How many lines clang-format wants to save by a break before the first item.
    worth = 4 if declaration else 2
    fits = all(len(line) <= COLUMNS for line in aligned)
    return "\n".join(aligned if fits and len(aligned) - len(broken) + 1 < worth else broken)


def _pack(first: str, rest: str, items: Sequence[str], tail: str) -> list[str]:
    """As many items in each line as have room."""
    lines: list[str] = []
    line, empty = first, True
    for position, item in enumerate(items):
        piece = item + ("," if position < len(items) - 1 else tail)
        if not empty and len(line) + 1 + len(piece) > COLUMNS:
            lines.append(line)
            line, empty = rest, True
        line += piece if empty else f" {piece}"
        empty = False
    return [*lines, line if items else line + tail]


def fill(words: Iterable[str], first: str, rest: str, last: str) -> str:
    """Words in lines of at most 100 columns: a block comment's text."""
    lines: list[str] = []
    line = first
    empty = True
    for word in words:
        if not empty and len(line) + 1 + len(word) > COLUMNS - len(last):
            lines.append(line)
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    return "\n".join([*lines, line + last])


def block_comment(sentences: Sequence[str]) -> str:
    """A C block comment; each sentence starts a new line."""
    lines: list[str] = []
    for number, sentence in enumerate(sentences):
        first = "/* " if number == 0 else " * "
        last = " */" if number == len(sentences) - 1 else ""
        lines.append(fill(sentence.split(" "), first, " * ", last))
    return "\n".join(lines)


def array_data(array: Array, indent: str = "    ") -> str:
    """The elements of an array as comma-separated literals in lines of at most 100 columns."""
    lines: list[str] = []
    line = indent
    for literal in _literals(array):
        piece = f"{literal},"
        if len(line) + 1 + len(piece) > COLUMNS and line != indent:
            lines.append(line)
            line = indent
        line += piece if line == indent else f" {piece}"
    lines.append(line)
    return "\n".join(lines)


def _literals(array: Array) -> list[str]:
    flat = array.reshape(-1)
    if flat.dtype == np.float32:
        return [float_text(x) for x in flat.tolist()]
    if flat.dtype == np.bool_:
        return ["true" if x else "false" for x in flat]
    if flat.dtype == np.uint64:
        return [f"{x}U" for x in flat.tolist()]
    # They have no literals of their own in C: a minus sign is none of a literal's parts, and
    # 2147483648 does not fit an int32_t.
    lowest = {
        np.dtype(np.int32): (-(2**31), "INT32_MIN"),
        np.dtype(np.int64): (-(2**63), "INT64_MIN"),
    }
    value, name = lowest.get(flat.dtype, (None, ""))
    return [name if x == value else str(x) for x in flat.tolist()]


def float_literal(x: float) -> str:
    """A float literal with enough digits to give the same float32 back."""
    text = f"{x:.9g}"
    return (text if any(c in text for c in ".e") else text + ".0") + "F"
