"""Translates a kernel to Python source with all checks; see :mod:`tinycc_ml.loopir.interpreter`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir.functions import CALLABLE
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import (
    Accumulate,
    Argument,
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
    Intrinsic,
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
from tinycc_ml.loopir.printer import format_element, format_expr, format_statement
from tinycc_ml.loopir.typing import check_local, promoted, type_of
from tinycc_ml.loopir.walk import intrinsic_calls
from tinycc_ml.loopir.windows import WRITABLE, bound_windows, check_roles, flat_start


def translate(kernel: LoopKernel, *, traced: bool) -> str:
    """Python statements over ``m_<buffer>`` (flat views), ``f_<function>`` and the checks.

    Raises:
        InternalError: If something is undefined, or if types do not agree.
    """
    try:
        return _Translator(kernel, traced).run()
    except InternalError as error:
        raise InternalError(f"{kernel.name}: {error}") from None


class _Translator:
    def __init__(
        self, kernel: LoopKernel, traced: bool, untraced: frozenset[str] = frozenset()
    ) -> None:
        self.kernel = kernel
        self.traced = traced
        self.untraced = untraced
        self.buffers = {buffer.name: buffer for buffer in kernel.buffers}
        self.lines: list[str] = []

    def run(self) -> str:
        for intrinsic in dict.fromkeys(c.intrinsic for c in intrinsic_calls(self.kernel.body)):
            self.define(intrinsic)
        self.body(self.kernel.body, "", {}, {})
        return "\n".join(self.lines) + "\n"

    def define(self, intrinsic: Intrinsic) -> None:
        views = [f"m_{buffer.name}" for buffer in intrinsic.parameters]
        traced = ["read", "write"] if self.traced else []
        self.lines.append(f"def i_{intrinsic.name}({', '.join([*traced, *views])}):")
        # A read-only array would be no faster: elements of a tuple are Python numbers already.
        self.lines += [f" m_{table.buffer} = {table.values!r}" for table in intrinsic.tables]
        tables = frozenset(table.buffer for table in intrinsic.tables)
        inner = _Translator(intrinsic.meaning, self.traced, tables)
        inner.body(intrinsic.meaning.body, " ", {}, {})
        self.lines += inner.lines

    def body(
        self,
        body: Sequence[Stmt],
        indent: str,
        extents: Mapping[str, int],
        scope: Mapping[str, DType],
    ) -> None:
        visible = dict(scope)
        if not body:
            self.lines.append(f"{indent}pass")
        for statement in body:
            match statement:
                case For():
                    self.loops(statement, indent, extents, visible)
                case If(conditions, inner):
                    test = " and ".join(self.condition(c, extents) for c in conditions)
                    self.lines.append(f"{indent}if {test or 'True'}:")
                    self.body(inner, indent + " ", extents, visible)
                case _:
                    self.lines.append(indent + self.simple(statement, extents, visible))

    def loops(
        self, loop: For, indent: str, extents: Mapping[str, int], scope: Mapping[str, DType]
    ) -> None:
        # Perfect nests become one loop over a product: Python allows only 20 nested loops.
        chain = [loop]
        while len(chain[-1].body) == 1 and isinstance(chain[-1].body[0], For):
            chain.append(chain[-1].body[0])
        names = ", ".join(f"v_{each.variable}" for each in chain)
        ranges = ", ".join(f"range({each.extent})" for each in chain)
        over = f"product({ranges})" if len(chain) > 1 else ranges
        self.lines.append(f"{indent}for {names} in {over}:")
        inner = {**extents, **{each.variable: each.extent for each in chain}}
        self.body(chain[-1].body, indent + " ", inner, scope)

    def simple(self, statement: Stmt, extents: Mapping[str, int], scope: dict[str, DType]) -> str:
        match statement:
            case Local(name, dtype, value):
                check_local(statement)
                text = self.typed(value, dtype, statement, extents, scope)
                scope[name] = dtype
                return f"x_{name} = {text}"
            case Assign(name, value):
                dtype = type_of(Var(name), self.buffers, scope)
                return f"x_{name} = {self.typed(value, dtype, statement, extents, scope)}"
            case Accumulate(name, value):
                dtype = type_of(Var(name), self.buffers, scope)
                term = self.typed(value, dtype, statement, extents, scope)
                total = _limited(f"x_{name} + {term}", dtype, format_statement(statement))
                return f"x_{name} = {total}"
            case Store(buffer, indices, value):
                return self.store(buffer, indices, value, extents, scope)
            case CallIntrinsic():
                return self.intrinsic(statement, extents)
        raise InternalError(f"unknown statement {statement}")

    def intrinsic(self, call: CallIntrinsic, extents: Mapping[str, int]) -> str:
        check_roles(call, self.buffers)
        views, traced = [], []
        for argument, parameter in bound_windows(call):
            where = f"{call.intrinsic.name}: {format_element(argument.buffer, argument.start)}"
            start = self.window_start(argument, extents, where)
            place = f"m_{argument.buffer}, {start}, {parameter.elements}"
            views.append(f"window({place}, {where!r})")
            traced.append(f"{parameter.name!r}: ({argument.buffer!r}, {place}, {where!r})")
        if self.traced:
            return f"i_{call.intrinsic.name}(*windowed(read, write, {{{', '.join(traced)}}}))"
        return f"i_{call.intrinsic.name}({', '.join(views)})"

    def window_start(self, argument: Argument, extents: Mapping[str, int], where: str) -> str:
        buffer = self.kernel.buffer(argument.buffer)
        start = _affine(flat_start(argument, buffer), extents, where)
        if buffer.ring_rows is None:
            return start
        row = self.slot(buffer, _affine(argument.start[0], extents, where), where)
        return f"({row})*{prod(buffer.shape[1:])} + {start}"

    def slot(self, ring: Buffer, row: str, where: str) -> str:
        """Where a row of a ring lies; the row itself must exist."""
        return f"at({row}, {ring.shape[0]}, {where!r}) % {ring.ring_rows}"

    def store(
        self,
        buffer: str,
        indices: tuple[Affine, ...],
        value: Expr,
        extents: Mapping[str, int],
        scope: Mapping[str, DType],
    ) -> str:
        target = self.kernel.buffer(buffer)
        if target.role not in WRITABLE:
            raise InternalError(f"store to {buffer}, which is {target.role.value}")
        statement = Store(buffer, indices, value)
        text = self.typed(value, promoted(target.dtype), statement, extents, scope)
        if target.dtype is not promoted(target.dtype):
            text = _within(text, target.dtype, format_statement(statement))
        index = self.element(buffer, indices, extents)
        if self.traced:
            return f"write({buffer!r}, m_{buffer}, {index}, {text})"
        return f"m_{buffer}[{index}] = {text}"

    def typed(
        self,
        value: Expr,
        dtype: DType,
        statement: Stmt,
        extents: Mapping[str, int],
        scope: Mapping[str, DType],
    ) -> str:
        found = type_of(value, self.buffers, scope)
        if found is not dtype:
            raise InternalError(
                f"{format_statement(statement)}: value is {found.value}, not {dtype.value}"
            )
        return self.expr(value, extents, scope)

    def expr(self, expr: Expr, extents: Mapping[str, int], scope: Mapping[str, DType]) -> str:
        match expr:
            case Literal(value, dtype):
                return _float(value) if dtype is DType.FLOAT32 else f"({value})"
            case Load(buffer, indices):
                return self.read(buffer, self.element(buffer, indices, extents))
            case Lookup(buffer, index):
                extent = self.kernel.buffer(buffer).elements
                inside = f"at({self.expr(index, extents, scope)}, {extent}, {format_expr(expr)!r})"
                return self.read(buffer, inside)
            case Var(name):
                return f"x_{name}"
            case Binary(operator, left, right):
                operands = self.expr(left, extents, scope), self.expr(right, extents, scope)
                return _binary(operator, *operands, type_of(left, self.buffers, scope), expr)
            case Compare(operator, left, right):
                operands = self.expr(left, extents, scope), self.expr(right, extents, scope)
                return f"int({operands[0]} {operator} {operands[1]})"
            case Select(condition, chosen, other):
                test, first, second = (
                    self.expr(each, extents, scope) for each in (condition, chosen, other)
                )
                return f"({first} if {test} else {second})"
            case Cast(dtype, value):
                source = type_of(value, self.buffers, scope)
                return _cast(self.expr(value, extents, scope), source, dtype, format_expr(expr))
            case Call(function, arguments):
                texts = ", ".join(self.expr(a, extents, scope) for a in arguments)
                result = CALLABLE[function].result
                text = f"f_{function}({texts})"
                return _within(text, result, format_expr(expr)) if result.is_integer else text

    def read(self, buffer: str, index: str) -> str:
        is_traced = self.traced and buffer not in self.untraced
        return f"read({buffer!r}, m_{buffer}, {index})" if is_traced else f"m_{buffer}[{index}]"

    def element(self, buffer: str, indices: tuple[Affine, ...], extents: Mapping[str, int]) -> str:
        target = self.kernel.buffer(buffer)
        shape = target.shape
        where = format_element(buffer, indices)
        if len(indices) != len(shape):
            raise InternalError(f"{where}: {len(indices)} indices, rank is {len(shape)}")
        flat = ""
        for position, (index, extent) in enumerate(zip(indices, shape, strict=True)):
            text = _affine(index, extents, where)
            low, high = index.bounds(extents)
            if position == 0 and target.ring_rows is not None:
                text = self.slot(target, text, where)
            elif low < 0 or high >= extent:
                text = f"at({text}, {extent}, {where!r})"
            flat = f"({flat})*{extent} + {text}" if flat else text
        return flat or "0"

    def condition(self, condition: Condition, extents: Mapping[str, int]) -> str:
        index = _affine(condition.index, extents, "condition")
        return f"{condition.low} <= {index} < {condition.high}"


def _float(value: float) -> str:
    rounded = float(np.float32(value))
    return repr(rounded) if math.isfinite(rounded) else f"float('{rounded}')"


def _affine(index: Affine, extents: Mapping[str, int], where: str) -> str:
    unknown = sorted(index.variables - set(extents))
    if unknown:
        raise InternalError(f"{where}: loop variable {unknown[0]} is not defined")
    terms = [f"{c}*v_{v}" if c != 1 else f"v_{v}" for v, c in index.terms]
    if index.constant or not terms:
        terms.append(str(index.constant))
    return " + ".join(terms)


def _within(text: str, dtype: DType, what: str) -> str:
    return f"fit({text}, {dtype.min}, {dtype.max}, {what!r})"


def _limited(text: str, dtype: DType, what: str) -> str:
    """The result of arithmetic: floats round, unsigned integers wrap, signed ones must fit."""
    if dtype is DType.FLOAT32:
        return f"round_f32({text})"
    if dtype in (DType.UINT32, DType.UINT64):
        return f"(({text}) & {dtype.max})"
    return _within(text, dtype, what)


def _binary(operator: str, left: str, right: str, dtype: DType, expr: Expr) -> str:
    if operator in ("min", "max"):
        return f"{'lesser' if operator == 'min' else 'greater'}({left}, {right})"
    what = format_expr(expr)
    if operator == "/" and dtype is DType.FLOAT32:
        return f"float_quotient({left}, {right})"
    if operator == "/":
        return _limited(f"quotient({left}, {right}, {what!r})", dtype, what)
    return _limited(f"{left} {operator} {right}", dtype, what)


def _cast(text: str, source: DType, dtype: DType, what: str) -> str:
    if dtype is DType.FLOAT32:
        return f"round_f32({text})"
    if source is DType.FLOAT32:
        text = f"truncate({text}, {what!r})"
    return _within(text, dtype, what)


__all__ = ["translate"]
