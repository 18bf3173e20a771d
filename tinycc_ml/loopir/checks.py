"""What the translated kernels call: arithmetic that raises where C is undefined or would wrap."""

from __future__ import annotations

import math
from itertools import product
from typing import TypeVar

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
]


def at(index: int, extent: int, where: str) -> int:
    """The index, if it is inside the dimension."""
    if 0 <= index < extent:
        return index
    raise InternalError(f"{where}: index {index} is outside 0..{extent - 1}")


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
