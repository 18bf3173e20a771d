"""Expressions of C, and their text with as few brackets as C's precedence allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.dtypes import DType


@dataclass(frozen=True, slots=True)
class Atom:
    """A name or a number."""

    text: str


@dataclass(frozen=True, slots=True)
class Infix:
    """``left operator right`` with one of ``+ - * / %``, or a comparison."""

    operator: str
    left: CExpr
    right: CExpr
    dtype: DType = DType.INT32


@dataclass(frozen=True, slots=True)
class Choose:
    """``(condition) ? chosen : other``."""

    condition: Infix
    chosen: CExpr
    other: CExpr
    dtype: DType


@dataclass(frozen=True, slots=True)
class Convert:
    """``(type)value``."""

    dtype: DType
    value: CExpr


@dataclass(frozen=True, slots=True)
class Element:
    """``buffer[index]``."""

    buffer: str
    index: CExpr
    dtype: DType


@dataclass(frozen=True, slots=True)
class Apply:
    """``function(arguments)``."""

    function: str
    arguments: tuple[CExpr, ...]
    dtype: DType


CExpr = Atom | Infix | Choose | Convert | Element | Apply

_CONDITIONAL, _COMPARISON, _SUM, _PRODUCT, _UNARY = range(5)
_BINDING = {
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARISON),
    **{"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT},
}


def render(expr: CExpr, binding: int = _CONDITIONAL) -> str:
    """The text of an expression as an operand of something that binds so strongly."""
    match expr:
        case Atom(text):
            return f"({text})" if text.startswith("-") and binding > _UNARY else text
        case Infix(operator, left, right):
            own = _BINDING[operator]
            # C groups to the left; keeping the brackets on the right keeps the order of evaluation.
            text = f"{render(left, own)} {operator} {render(right, own + 1)}"
            return f"({text})" if own < binding else text
        case Choose(condition, chosen, other):
            text = f"({render(condition)}) ? {render(chosen, _SUM)} : {render(other, _SUM)}"
            return f"({text})" if binding > _CONDITIONAL else text
        case Convert(dtype, value):
            return f"({dtype.c_name}){render(value, _UNARY)}"
        case Element(buffer, index):
            return f"{buffer}[{render(index)}]"
        case Apply(function, arguments):
            return f"{function}({', '.join(map(render, arguments))})"


def literal(value: int | float, dtype: DType) -> CExpr:
    """A constant of a type that values are computed in."""
    if dtype is DType.FLOAT32:
        return Atom(float_text(value))
    if dtype is DType.UINT32:
        return Atom(f"{value}U")
    if dtype is DType.UINT64:
        return Atom(f"UINT64_C({value})")
    if dtype is DType.INT64:
        return _int64(int(value))
    # The most negative number has no literal: C reads it as the negation of one that overflows.
    limits = {DType.INT32.min: "INT32_MIN", DType.INT32.max: "INT32_MAX"}
    return Atom(limits.get(int(value), str(value)))


def float_text(value: float) -> str:
    """The shortest text in C that gives this float32 back; `NAN` and infinities are in `math.h`."""
    rounded = np.float32(value)
    if np.isfinite(rounded):
        return f"{rounded!s}F"
    return "NAN" if np.isnan(rounded) else "INFINITY" if rounded > 0 else "-INFINITY"


def _int64(value: int) -> CExpr:
    if DType.INT32.min < value <= DType.INT32.max:
        return Convert(DType.INT64, Atom(str(value)))
    limits = {DType.INT64.min: "INT64_MIN", DType.INT64.max: "INT64_MAX"}
    return Atom(limits.get(value, f"INT64_C({value})"))


def children(expr: CExpr) -> tuple[CExpr, ...]:
    """The direct operands."""
    match expr:
        case Atom():
            return ()
        case Infix(_, left, right):
            return (left, right)
        case Choose(condition, chosen, other):
            return (condition, chosen, other)
        case Convert(_, value):
            return (value,)
        case Element(_, index):
            return (index,)
        case Apply(_, arguments):
            return arguments


def exchange(expr: CExpr, old: CExpr, new: CExpr) -> CExpr:
    """Replaces a subexpression everywhere."""
    if expr == old:
        return new
    go: Callable[[CExpr], CExpr] = lambda operand: exchange(operand, old, new)  # noqa: E731
    match expr:
        case Atom():
            return expr
        case Infix():
            return replace(expr, left=go(expr.left), right=go(expr.right))
        case Choose(Infix() as condition):
            compared = replace(condition, left=go(condition.left), right=go(condition.right))
            return Choose(compared, go(expr.chosen), go(expr.other), expr.dtype)
        case Convert():
            return replace(expr, value=go(expr.value))
        case Element():
            return replace(expr, index=go(expr.index))
        case Apply():
            return replace(expr, arguments=tuple(map(go, expr.arguments)))
