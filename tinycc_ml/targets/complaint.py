"""Turns pydantic's errors into one line: key, what was found, what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_MAX_TEXT = 120
_MAX_KEY = 60


def printable(text: str) -> str:
    """The text on one line, without control characters, cut to a length that can be read."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return line if len(line) <= _MAX_TEXT else line[: _MAX_TEXT - 3] + "..."


def complaint(error: ValidationError) -> str:
    """The first mistake, and how many more there are."""
    errors = error.errors(include_url=False)
    more = f" (and {len(errors) - 1} more; -v lists them)" if len(errors) > 1 else ""
    return _one(dict(errors[0])) + more


def _one(error: dict[str, Any]) -> str:
    key = printable(_key(error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{key}: no such key; docs/boards.md lists the allowed ones"
    if error["type"] == "missing":
        return f"{key}: missing; it must be given"
    if error["type"] == "value_error":
        # Our own checks already name key, finding and remedy.
        return printable_long(str(error["ctx"]["error"]))
    allowed = error["msg"].removeprefix("Input should ").removeprefix("be ")
    return f"{key}: found {_found(error['input'])}; allowed: {printable(allowed)}"


def printable_long(text: str) -> str:
    """Like `printable`, for texts of ours that quote little of the input."""
    return "".join(c if c.isprintable() else " " for c in text)


def _key(loc: tuple[int | str, ...]) -> str:
    parts = [f"[{p}]" if isinstance(p, int) else f".{p[:_MAX_KEY]}" for p in loc]
    return "".join(parts).lstrip(".")


def _found(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 64:
        # repr() of an integer of more than 4,300 digits raises.
        return "a number beyond 64 bits"
    return printable(repr(value))
