"""Removes what schedules and general lowerings leave behind; the kernel computes the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.bounds import index_range
from tinycc_ml.loopir.ir import (
    Accumulate,
    Assign,
    Binary,
    Condition,
    Expr,
    For,
    If,
    Literal,
    Local,
    LoopKernel,
    Stmt,
    Var,
)
from tinycc_ml.loopir.walk import Body, expressions, map_expressions, substitute


def simplify_kernel(kernel: LoopKernel) -> LoopKernel:
    """Simplifies a verified kernel.

    - A loop of extent 1 becomes its body with the variable 0.
    - A condition that always holds is dropped; statements whose condition never holds are dropped.
      Statements with a comment keep it, above no condition at all.
    - A condition directly inside another becomes one statement with both.
    - ``x + 0``, ``x - 0`` and ``x * 1`` become ``x`` for integers.
    - Locals that nothing reads are dropped, and loops and conditions without statements.
    """
    body = map_expressions(tuple(_body(kernel.body, {}, ())), _without_identity)
    while (smaller := tuple(_living(body, _read(body)))) != body:
        body = smaller
    return replace(kernel, body=body)


def _body(
    body: Body, extents: Mapping[str, int], conditions: tuple[Condition, ...]
) -> Iterator[Stmt]:
    for statement in body:
        match statement:
            case For(variable, 1, inner):
                yield from _body(substitute(inner, variable, 0), extents, conditions)
            case For(variable, extent, inner):
                within = {**extents, variable: extent}
                yield For(variable, extent, tuple(_body(inner, within, conditions)))
            case If():
                yield from _if(statement, extents, conditions)
            case _:
                yield statement


def _if(
    statement: If, extents: Mapping[str, int], conditions: tuple[Condition, ...]
) -> Iterator[Stmt]:
    open_: tuple[Condition, ...] = ()
    for condition in statement.conditions:
        low, high = index_range(condition.index, extents, conditions + open_)
        if low >= condition.high or high < condition.low:
            return
        if low < condition.low or high >= condition.high:
            open_ += (condition,)
    body = tuple(_body(statement.body, extents, conditions + open_))
    if not open_ and not statement.comment:
        yield from body
    elif len(body) == 1 and isinstance(body[0], If) and not body[0].comment:
        yield replace(statement, conditions=open_ + body[0].conditions, body=body[0].body)
    else:
        yield replace(statement, conditions=open_, body=body)


def _without_identity(expr: Expr) -> Expr:
    match expr:
        case Binary("+" | "-", left, Literal(0, dtype)) if dtype is not DType.FLOAT32:
            return left
        case Binary("+", Literal(0, dtype), right) if dtype is not DType.FLOAT32:
            return right
        case Binary("*", left, Literal(1, dtype)) if dtype is not DType.FLOAT32:
            return left
        case Binary("*", Literal(1, dtype), right) if dtype is not DType.FLOAT32:
            return right
    return expr


def _read(body: Body) -> set[str]:
    return {expr.name for expr in expressions(body) if isinstance(expr, Var)}


def _living(body: Body, read: set[str]) -> Iterator[Stmt]:
    for statement in body:
        match statement:
            case For() | If():
                inner = tuple(_living(statement.body, read))
                if inner:
                    yield replace(statement, body=inner)
            case Local() | Assign() | Accumulate() if statement.name not in read:
                pass
            case _:
                yield statement
