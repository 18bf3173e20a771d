"""Checks a kernel; runs after lowering and after each step of a schedule."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import prod

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir.bounds import index_range, is_unreachable
from tinycc_ml.loopir.c_names import RESERVED
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import (
    Accumulate,
    Assign,
    CallIntrinsic,
    Condition,
    Expr,
    For,
    If,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    Store,
    Var,
)
from tinycc_ml.loopir.printer import format_element, format_kernel, format_statement
from tinycc_ml.loopir.typing import check_local, promoted, type_of
from tinycc_ml.loopir.walk import subexpressions
from tinycc_ml.loopir.windows import EMPTY, WRITABLE, bound_windows, check_call

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_INDEX_LIMIT = 1 << 31


def verify_kernel(kernel: LoopKernel) -> LoopKernel:
    """Returns the kernel unchanged, or raises.

    Raises:
        InternalError: If a name is no C identifier, is reserved or is defined twice; if a loop
            runs less than once; if something is used before it is defined; if an index has the
            wrong rank or cannot be proved inside its buffer; if a buffer of int4 is no constant, as
            its elements have no address; if a store goes to an input or a constant; if an output or
            scratch is read before anything is stored to it; or if types do not agree.
    """
    try:
        _Verifier(kernel).run()
    except InternalError as error:
        raise InternalError(
            f"kernel {kernel.name}: {error}", details=format_kernel(kernel)
        ) from None
    return kernel


class _Verifier:
    def __init__(self, kernel: LoopKernel) -> None:
        self.kernel = kernel
        self.buffers = {buffer.name: buffer for buffer in kernel.buffers}
        self.names: set[str] = set()
        self.stored: set[str] = set()

    def run(self) -> None:
        for buffer in self.kernel.buffers:
            self.define(buffer.name)
            if any(extent < 1 for extent in buffer.shape) or prod(buffer.shape) >= _INDEX_LIMIT:
                raise InternalError(f"buffer {buffer.name} has shape {buffer.shape}")
            if buffer.dtype is DType.INT4 and buffer.role is not Role.CONSTANT:
                raise InternalError(f"buffer {buffer.name} is int4, but {buffer.role.value}")
            if buffer.ring_rows is not None and not 1 <= buffer.ring_rows <= buffer.shape[0]:
                raise InternalError(
                    f"buffer {buffer.name} keeps {buffer.ring_rows} rows of {buffer.shape[0]}"
                )
        if self.kernel.text is not None and self.kernel.body:
            raise InternalError("it has a body twice, as statements and in C")
        self.body(self.kernel.body, {}, (), {})

    def define(self, name: str) -> None:
        if not _NAME.match(name) or name in RESERVED or name.startswith("tcml_"):
            raise InternalError(f"{name!r} cannot be a name in C")
        if name in self.names:
            raise InternalError(f"{name} is defined twice")
        self.names.add(name)

    def body(
        self,
        body: Sequence[Stmt],
        extents: Mapping[str, int],
        conditions: tuple[Condition, ...],
        scope: Mapping[str, DType],
    ) -> None:
        visible = dict(scope)
        for statement in body:
            match statement:
                case For(variable, extent, inner):
                    self.define(variable)
                    if extent < 1:
                        raise InternalError(f"loop {variable} has extent {extent}")
                    self.body(inner, {**extents, variable: extent}, conditions, visible)
                case If(added, inner):
                    self.check_conditions(statement, extents)
                    self.body(inner, extents, conditions + added, visible)
                case CallIntrinsic():
                    self.check_intrinsic(statement, extents, conditions)
                case _:
                    self.check_value(statement.value, extents, conditions)
                    self.check_simple(statement, extents, conditions, visible)

    def check_conditions(self, statement: If, extents: Mapping[str, int]) -> None:
        where = format_statement(statement)
        if not statement.conditions:
            raise InternalError("an If without conditions")
        for condition in statement.conditions:
            _check_variables(condition.index, extents, where)
            if condition.low >= condition.high:
                raise InternalError(f"{where} never holds")

    def check_simple(
        self,
        statement: Stmt,
        extents: Mapping[str, int],
        conditions: tuple[Condition, ...],
        scope: dict[str, DType],
    ) -> None:
        match statement:
            case Local(name, dtype, value):
                check_local(statement)
                self.check_type(statement, value, dtype, scope)
                self.define(name)
                scope[name] = dtype
            case Assign(name, value) | Accumulate(name, value):
                self.check_type(statement, value, type_of(Var(name), self.buffers, scope), scope)
            case Store(buffer, indices, value):
                self.check_element(buffer, indices, extents, conditions)
                target = self.buffers[buffer]
                if target.role not in WRITABLE:
                    raise InternalError(f"{buffer} is stored to, but is {target.role.value}")
                self.check_type(statement, value, promoted(target.dtype), scope)
                self.stored.add(buffer)

    def check_intrinsic(
        self,
        call: CallIntrinsic,
        extents: Mapping[str, int],
        conditions: tuple[Condition, ...],
    ) -> None:
        for argument in call.arguments:
            for index in argument.start:
                _check_variables(index, extents, format_statement(call))
        check_call(call, self.buffers, extents, conditions)
        for argument, parameter in bound_windows(call):
            if parameter.role not in EMPTY and self.is_unset(argument.buffer):
                raise InternalError(f"{argument.buffer} is read before anything is stored to it")
        self.stored |= {a.buffer for a, p in bound_windows(call) if p.role in WRITABLE}

    def check_type(
        self, statement: Stmt, value: Expr, dtype: DType, scope: Mapping[str, DType]
    ) -> None:
        found = type_of(value, self.buffers, scope)
        if found is not dtype:
            where = format_statement(statement)
            raise InternalError(f"{where}: the value is {found.value}, not {dtype.value}")

    def check_value(
        self, value: Expr, extents: Mapping[str, int], conditions: tuple[Condition, ...]
    ) -> None:
        for expr in subexpressions(value):
            if isinstance(expr, Load):
                self.check_element(expr.buffer, expr.indices, extents, conditions)
            if isinstance(expr, Load | Lookup) and self.is_unset(expr.buffer):
                raise InternalError(f"{expr.buffer} is read before anything is stored to it")

    def is_unset(self, buffer: str) -> bool:
        known = self.buffers.get(buffer)
        if known is None or known.ring_rows is not None:
            # Rows are written turn by turn; in the text of a loop, the reader may come first.
            return False
        return known.role in EMPTY and buffer not in self.stored

    def check_element(
        self,
        buffer: str,
        indices: tuple[Affine, ...],
        extents: Mapping[str, int],
        conditions: tuple[Condition, ...],
    ) -> None:
        where = format_element(buffer, indices)
        if buffer not in self.buffers:
            raise InternalError(f"{where}: the buffer does not exist")
        shape = self.buffers[buffer].shape
        if len(indices) != len(shape):
            raise InternalError(f"{where}: {len(indices)} indices, rank is {len(shape)}")
        for dimension, (index, extent) in enumerate(zip(indices, shape, strict=True)):
            _check_variables(index, extents, where)
            low, high = index_range(index, extents, conditions)
            outside = low < 0 or high >= extent
            if outside and not is_unreachable(extents, conditions):
                raise InternalError(
                    f"{where}: index {dimension} runs over {low}..{high}, "
                    f"the buffer over 0..{extent - 1}"
                )


def _check_variables(index: Affine, extents: Mapping[str, int], where: str) -> None:
    unknown = sorted(index.variables - set(extents))
    if unknown:
        raise InternalError(f"{where}: loop {unknown[0]} is not around it")
