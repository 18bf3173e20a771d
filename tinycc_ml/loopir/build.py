"""Short spellings for writing loop nests by hand; used by the operators' ``lower``."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.index import AffineLike, affine
from tinycc_ml.loopir.ir import (
    Binary,
    Buffer,
    Call,
    Condition,
    Expr,
    For,
    If,
    Literal,
    Load,
    Stmt,
    Store,
)

Value = Expr | int


def value(x: Value) -> Expr:
    """An expression; integers become ``int32`` literals."""
    return Literal(x) if isinstance(x, int) else x


def add(a: Value, b: Value) -> Expr:
    """``a + b``; adding the literal zero gives the other operand."""
    if b == 0:
        return value(a)
    return Binary("+", value(a), value(b))


def sub(a: Value, b: Value) -> Expr:
    """``a - b``; subtracting the literal zero gives ``a``."""
    if b == 0:
        return value(a)
    return Binary("-", value(a), value(b))


def mul(a: Value, b: Value) -> Expr:
    """``a * b``."""
    return Binary("*", value(a), value(b))


def div(a: Value, b: Value) -> Expr:
    """``a / b``, truncating."""
    return Binary("/", value(a), value(b))


def number(x: float) -> Literal:
    """A ``float32`` literal."""
    return Literal(x, DType.FLOAT32)


def clamp(x: Value, low: int, high: int) -> Expr:
    """``min(max(x, low), high)``."""
    return Binary("min", Binary("max", value(x), Literal(low)), Literal(high))


def call(function: str, *arguments: Value) -> Expr:
    """A call of a pure scalar function."""
    return Call(function, tuple(value(a) for a in arguments))


def load(buffer: Buffer, *indices: AffineLike) -> Load:
    """Reads ``buffer[indices]``."""
    return Load(buffer.name, tuple(affine(i) for i in indices))


def store(buffer: Buffer, indices: Sequence[AffineLike], x: Value) -> Store:
    """Writes ``buffer[indices]``."""
    return Store(buffer.name, tuple(affine(i) for i in indices), value(x))


def nest(loops: Sequence[tuple[str, int]], *body: Stmt) -> tuple[Stmt, ...]:
    """Loops around statements, outermost first; a loop of extent 1 is kept (passes drop it)."""
    result = tuple(body)
    for variable, extent in reversed(loops):
        result = (For(variable, extent, result),)
    return result


def inside(index: AffineLike, extent: int) -> Condition:
    """``0 <= index < extent``."""
    return Condition(affine(index), 0, extent)


def when(conditions: Sequence[Condition], *body: Stmt) -> tuple[Stmt, ...]:
    """The statements under conditions; without conditions the statements themselves."""
    return (If(tuple(conditions), tuple(body)),) if conditions else tuple(body)


INT8_MIN, INT8_MAX = DType.INT8.min, DType.INT8.max
