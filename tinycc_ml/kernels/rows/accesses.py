"""Redirects the accesses of statements to other buffers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tinycc_ml.loopir import Affine, CallIntrinsic, Expr, For, If, Load, Lookup, Stmt, Store
from tinycc_ml.loopir.walk import Body, map_expressions

#: From a buffer's name and an index to those that take their place.
Redirect = Callable[[str, tuple[Affine, ...]], tuple[str, tuple[Affine, ...]]]


def redirect(body: Body, to: Redirect) -> Body:
    """Redirects all loads, stores and windows; of a lookup only the buffer's name."""

    def in_expr(expr: Expr) -> Expr:
        match expr:
            case Load(buffer, indices):
                return Load(*to(buffer, indices))
            case Lookup(buffer, index):
                return Lookup(to(buffer, ())[0], index)
        return expr

    def visit(statement: Stmt) -> Stmt:
        match statement:
            case For() | If():
                return replace(statement, body=tuple(map(visit, statement.body)))
            case Store(buffer, indices, value):
                return Store(*to(buffer, indices), value)
            case CallIntrinsic(intrinsic, arguments):
                windows = []
                for argument in arguments:
                    name, start = to(argument.buffer, argument.start)
                    windows.append(replace(argument, buffer=name, start=start))
                return CallIntrinsic(intrinsic, tuple(windows))
        return statement

    return tuple(map(visit, map_expressions(body, in_expr)))
