"""What the translated kernels call: arithmetic that raises where C is undefined or would wrap."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any, TypeVar

import numpy as np

from tinycc_ml.errors import InternalError

Number = TypeVar("Number", int, float)

__all__ = [
    "at",
    "fit",
    "float_quotient",
    "greater",
    "lesser",
    "product",
    "quotient",
    "round_f32",
    "truncate",
    "window",
    "windowed",
]


def at(index: int, extent: int, where: str) -> int:
    """The index, if it is inside the dimension."""
    if 0 <= index < extent:
        return index
    raise InternalError(f"{where}: index {index} is outside 0..{extent - 1}")


def window(view: Any, start: int, elements: int, where: str) -> Any:
    """That part of a memory view, if it is inside."""
    at(start, len(view) - elements + 1, where)
    return view[start : start + elements]


def windowed(
    read: Callable[[str, Any, int], Any],
    write: Callable[[str, Any, int, Any], None],
    windows: Mapping[str, tuple[str, Any, int, int, str]],
) -> tuple[Any, ...]:
    """The arguments of a traced intrinsic: accesses are told as those of the caller's buffers.

    Args:
        read: The caller's own.
        write: The caller's own.
        windows: Buffer, its view, start, elements and description by the intrinsic's parameter.
    """
    for _, view, start, elements, where in windows.values():
        at(start, len(view) - elements + 1, where)

    def read_window(name: str, _: Any, index: int) -> Any:
        buffer, view, start, elements, where = windows[name]
        return read(buffer, view, start + at(index, elements, where))

    def write_window(name: str, _: Any, index: int, value: Any) -> None:
        buffer, view, start, elements, where = windows[name]
        write(buffer, view, start + at(index, elements, where), value)

    return read_window, write_window, *(None for _ in windows)


def fit(value: int, low: int, high: int, what: str) -> int:
    """The value, if it is inside the limits of the type."""
    if low <= value <= high:
        return value
    raise InternalError(f"{what}: {value} does not fit {low}..{high}")


def quotient(a: int, b: int, where: str) -> int:
    """C's integer division: truncates toward zero."""
    if b == 0:
        raise InternalError(f"{where}: division by zero")
    magnitude = abs(a) // abs(b)
    return magnitude if (a >= 0) == (b >= 0) else -magnitude


def lesser(a: Number, b: Number) -> Number:
    """``(a < b) ? a : b``."""
    return a if a < b else b


def greater(a: Number, b: Number) -> Number:
    """``(a > b) ? a : b``."""
    return a if a > b else b


def round_f32(x: float) -> float:
    """The nearest ``float32``; double precision before it never rounds twice for ``+ - *``."""
    return float(np.float32(x))


def float_quotient(a: float, b: float) -> float:
    """IEEE division in ``float32``."""
    return float(np.float32(a) / np.float32(b))


def truncate(x: float, what: str) -> int:
    """The integer part of a float."""
    if not math.isfinite(x):
        raise InternalError(f"{what}: {x} has no integer value")
    return math.trunc(x)
