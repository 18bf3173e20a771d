"""Visits and rebuilds statements and expressions; what passes and schedule steps are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.index import Affine, AffineLike, affine
from tinycc_ml.loopir.ir import (
    Accumulate,
    Assign,
    Binary,
    Call,
    CallIntrinsic,
    Cast,
    Compare,
    Expr,
    For,
    If,
    Literal,
    Load,
    Local,
    Lookup,
    Select,
    Stmt,
    Store,
    Var,
)

Body = tuple[Stmt, ...]


def statements(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """All statements, each before those inside it."""
    for statement in body:
        yield statement
        if isinstance(statement, For | If):
            yield from statements(statement.body)


def operands(expr: Expr) -> tuple[Expr, ...]:
    """The direct operands of an expression."""
    match expr:
        case Binary(_, left, right) | Compare(_, left, right):
            return (left, right)
        case Select(condition, chosen, other):
            return (condition, chosen, other)
        case Cast(_, value):
            return (value,)
        case Lookup(_, index):
            return (index,)
        case Call(_, arguments):
            return arguments
        case Literal() | Load() | Var():
            return ()


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """The expression and all inside it, operands first."""
    for operand in operands(expr):
        yield from subexpressions(operand)
    yield expr


def expressions(body: Sequence[Stmt]) -> Iterator[Expr]:
    """All expressions of all statements, operands first."""
    for statement in statements(body):
        if not isinstance(statement, For | If | CallIntrinsic):
            yield from subexpressions(statement.value)


def rebuild(expr: Expr, f: Callable[[Expr], Expr]) -> Expr:
    """Applies ``f`` to every expression, operands first."""
    match expr:
        case Binary(operator, left, right):
            return f(Binary(operator, rebuild(left, f), rebuild(right, f)))
        case Compare(operator, left, right):
            return f(Compare(operator, rebuild(left, f), rebuild(right, f)))
        case Select(condition, chosen, other):
            return f(Select(rebuild(condition, f), rebuild(chosen, f), rebuild(other, f)))
        case Cast(dtype, value):
            return f(Cast(dtype, rebuild(value, f)))
        case Lookup(buffer, index):
            return f(Lookup(buffer, rebuild(index, f)))
        case Call(function, arguments):
            return f(Call(function, tuple(rebuild(a, f) for a in arguments)))
        case Literal() | Load() | Var():
            return f(expr)


def map_expressions(body: Body, f: Callable[[Expr], Expr]) -> Body:
    """Applies ``f`` to every expression of every statement, operands first."""
    return tuple(_map_statement(statement, f) for statement in body)


def _map_statement(statement: Stmt, f: Callable[[Expr], Expr]) -> Stmt:
    if isinstance(statement, For | If):
        return replace(statement, body=map_expressions(statement.body, f))
    if isinstance(statement, CallIntrinsic):
        return statement
    return replace(statement, value=rebuild(statement.value, f))


def map_indices(body: Body, f: Callable[[Affine], Affine]) -> Body:
    """Applies ``f`` to the indices of all loads, stores, windows and conditions."""

    def in_load(expr: Expr) -> Expr:
        if isinstance(expr, Load):
            return replace(expr, indices=tuple(map(f, expr.indices)))
        return expr

    def visit(statement: Stmt) -> Stmt:
        match statement:
            case For():
                return replace(statement, body=tuple(map(visit, statement.body)))
            case If(conditions, inner):
                mapped = tuple(replace(c, index=f(c.index)) for c in conditions)
                return replace(statement, conditions=mapped, body=tuple(map(visit, inner)))
            case Store(buffer, indices, value):
                return Store(buffer, tuple(map(f, indices)), rebuild(value, in_load))
            case Local() | Assign() | Accumulate():
                return replace(statement, value=rebuild(statement.value, in_load))
            case CallIntrinsic(intrinsic, arguments):
                windows = (replace(a, start=tuple(map(f, a.start))) for a in arguments)
                return CallIntrinsic(intrinsic, tuple(windows))

    return tuple(map(visit, body))


def substitute(body: Body, variable: str, value: AffineLike) -> Body:
    """Replaces a loop variable in all indices."""
    return map_indices(body, lambda index: index.substitute(variable, value))


def intrinsic_calls(body: Sequence[Stmt]) -> Iterator[CallIntrinsic]:
    """All calls of intrinsics."""
    return (s for s in statements(body) if isinstance(s, CallIntrinsic))


def defined_names(body: Sequence[Stmt]) -> list[str]:
    """Loop variables and locals that the statements define, in their order."""
    found = []
    for statement in statements(body):
        if isinstance(statement, For):
            found.append(statement.variable)
        elif isinstance(statement, Local):
            found.append(statement.name)
    return found


def local_types(body: Sequence[Stmt]) -> dict[str, DType]:
    """The types of all locals; names are unique, so that one table serves a whole kernel."""
    return {s.name: s.dtype for s in statements(body) if isinstance(s, Local)}


def rename(body: Body, names: Mapping[str, str]) -> Body:
    """Renames loop variables and locals, where they are defined and where they are used."""

    def in_index(index: Affine) -> Affine:
        renamed = affine(index.constant)
        for variable, coefficient in index.terms:
            renamed = renamed + affine(names.get(variable, variable)) * coefficient
        return renamed

    def in_expr(expr: Expr) -> Expr:
        return Var(names.get(expr.name, expr.name)) if isinstance(expr, Var) else expr

    def visit(statement: Stmt) -> Stmt:
        match statement:
            case For(variable, extent, inner):
                return For(names.get(variable, variable), extent, tuple(map(visit, inner)))
            case If():
                return replace(statement, body=tuple(map(visit, statement.body)))
            case Local() | Assign() | Accumulate():
                return replace(statement, name=names.get(statement.name, statement.name))
            case Store() | CallIntrinsic():
                return statement

    return tuple(map(visit, map_expressions(map_indices(body, in_index), in_expr)))
