"""Integers as words that wrap, in loop IR: numbers modulo 2^32 or 2^64, and back."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Cast, Expr, Literal
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted

WORD, LONG = DType.UINT32, DType.UINT64


def word(x: Expr, dtype: DType) -> Expr:
    """An element of a type modulo 2^32; modulo 2^64 where the type has 64 bits."""
    computed = promoted(dtype)
    if computed in (WORD, LONG):
        return x
    return b.call("modulo_2_64" if computed is DType.INT64 else "modulo_2_32", x)


def element(number: Expr, dtype: DType) -> Expr:
    """The element of a type that is equal to a word modulo 2^n."""
    if dtype in (WORD, LONG):
        return number
    if dtype is DType.INT64:
        return b.call("as_signed_64", number)
    if dtype is DType.INT32:
        return b.call("as_signed", number)
    if dtype.min < 0:
        return b.call("low_bits_signed", number, 8 * dtype.size_bytes)
    return Cast(DType.INT32, b.call("bits_and", number, Literal(dtype.max, WORD)))


def converted(x: Expr, source: DType, target: DType) -> Expr:
    """The element of another integer type that is equal modulo 2^n."""
    if source.min >= target.min and source.max <= target.max:
        return x if promoted(source) is promoted(target) else Cast(target, x)
    if source.size_bytes == target.size_bytes == 8 or source.size_bytes <= 4 >= target.size_bytes:
        return element(word(x, source), target)
    if source.size_bytes < 8:  # A negative number as one of 64 bits.
        return element(word(Cast(DType.INT64, x), DType.INT64), target)
    low = b.call("bits_and_64", word(x, source), Literal(WORD.max, LONG))
    return element(Cast(WORD, low), target)
