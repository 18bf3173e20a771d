"""Prints a kernel as text: for dumps, error notes and schedules under study."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import (
    Accumulate,
    Assign,
    Binary,
    Buffer,
    Call,
    CallIntrinsic,
    Cast,
    Compare,
    Condition,
    Expr,
    For,
    If,
    Literal,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Select,
    Stmt,
    Store,
    Var,
)


def format_affine(index: Affine) -> str:
    """``2*oy + ky - 1``."""
    text = ""
    for variable, coefficient in index.terms:
        magnitude = variable if abs(coefficient) == 1 else f"{abs(coefficient)}*{variable}"
        text += _signed(magnitude, coefficient < 0, first=not text)
    if index.constant or not text:
        text += _signed(str(abs(index.constant)), index.constant < 0, first=not text)
    return text


def _signed(magnitude: str, negative: bool, *, first: bool) -> str:
    if first:
        return f"-{magnitude}" if negative else magnitude
    return f" - {magnitude}" if negative else f" + {magnitude}"


def format_element(buffer: str, indices: Sequence[Affine]) -> str:
    """``input[0, 2*oy + ky - 1, ic]``."""
    return f"{buffer}[{', '.join(map(format_affine, indices))}]"


def format_condition(condition: Condition) -> str:
    """``0 <= 2*oy + ky - 1 < 32``."""
    return f"{condition.low} <= {format_affine(condition.index)} < {condition.high}"


def format_expr(expr: Expr) -> str:
    """An expression on one line, fully bracketed."""
    match expr:
        case Literal(value, dtype):
            return str(value) if dtype is DType.INT32 else f"{dtype.value}({value!r})"
        case Load(buffer, indices):
            return format_element(buffer, indices)
        case Lookup(buffer, index):
            return f"{buffer}[[{format_expr(index)}]]"
        case Var(name):
            return name
        case Binary("min" | "max" as operator, left, right):
            return f"{operator}({format_expr(left)}, {format_expr(right)})"
        case Binary(operator, left, right) | Compare(operator, left, right):
            return f"({format_expr(left)} {operator} {format_expr(right)})"
        case Select(condition, chosen, other):
            return f"({format_expr(condition)} ? {format_expr(chosen)} : {format_expr(other)})"
        case Cast(dtype, value):
            return f"{dtype.value}({format_expr(value)})"
        case Call(function, arguments):
            return f"{function}({', '.join(map(format_expr, arguments))})"


def format_statement(statement: Stmt) -> str:
    """The first line of a statement; loops and conditions end with a colon."""
    match statement:
        case For(variable, extent, _):
            return f"for {variable} in {extent}:"
        case If(conditions, _):
            return f"if {' and '.join(map(format_condition, conditions))}:"
        case Local(name, dtype, value):
            return f"{name}: {dtype.value} = {format_expr(value)}"
        case Assign(name, value):
            return f"{name} = {format_expr(value)}"
        case Accumulate(name, value):
            return f"{name} += {format_expr(value)}"
        case Store(buffer, indices, value):
            return f"{format_element(buffer, indices)} = {format_expr(value)}"
        case CallIntrinsic(intrinsic, arguments):
            windows = (f"{format_element(a.buffer, a.start)}.." for a in arguments)
            return f"{intrinsic.name}({', '.join(windows)})"


def _lines(body: Sequence[Stmt], indent: str) -> Iterator[str]:
    for statement in body:
        yield indent + format_statement(statement)
        if isinstance(statement, For | If):
            yield from _lines(statement.body, indent + "  ")


def format_buffer(buffer: Buffer) -> str:
    """``input: int8[1x32x32x3] input``."""
    dims = "x".join(map(str, buffer.shape)) or "scalar"
    if buffer.ring_rows is not None:
        dims += f", {buffer.ring_rows} rows kept"
    return f"{buffer.name}: {buffer.dtype.value}[{dims}] {buffer.role.value}"


def format_kernel(kernel: LoopKernel) -> str:
    """The whole kernel: one buffer a line, then the statements."""
    lines = [f"kernel {kernel.name}:"]
    lines += [f"  {format_buffer(buffer)}" for buffer in kernel.buffers]
    own = () if kernel.text is None else ("  C:", *(f"    {line}" for line in kernel.text.lines))
    return "\n".join([*lines, *_lines(kernel.body, "  "), *own]) + "\n"
