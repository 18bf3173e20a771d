"""Which type an expression is computed in.

Values are computed in ``int32``, ``uint32``, ``int64``, ``uint64`` or ``float32``. ``bool`` and
narrower integers exist only in buffers: a load widens them, a store narrows and must fit. So the
generated C never depends on the promotion rules of the platform.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir.functions import CALLABLE
from tinycc_ml.loopir.ir import (
    Binary,
    Buffer,
    Call,
    Cast,
    Compare,
    Expr,
    Literal,
    Load,
    Local,
    Lookup,
    Select,
    Var,
)
from tinycc_ml.loopir.printer import format_expr

COMPUTED = (DType.INT32, DType.UINT32, DType.INT64, DType.UINT64, DType.FLOAT32)
OPERATORS = ("+", "-", "*", "/", "min", "max")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")

_WIDENED = MappingProxyType({dtype: DType.INT32 for dtype in DType if dtype.bits < 32})


def promoted(dtype: DType) -> DType:
    """The type that an element of this type is computed in."""
    return _WIDENED.get(dtype, dtype)


def type_of(expr: Expr, buffers: Mapping[str, Buffer], scope: Mapping[str, DType]) -> DType:
    """The type of an expression.

    Args:
        expr: The expression.
        buffers: The kernel's parameters by name.
        scope: The types of the visible locals.

    Raises:
        InternalError: If an operand has the wrong type, or if something is not defined.
    """
    match expr:
        case Literal(value, dtype):
            return _literal_type(value, dtype)
        case Load(buffer, _):
            return promoted(_buffer(buffer, buffers).dtype)
        case Lookup(buffer, index):
            _expect(index, DType.INT32, buffers, scope, f"index of {buffer}")
            if len(_buffer(buffer, buffers).shape) != 1:
                raise InternalError(f"{buffer} is looked up but is no one-dimensional table")
            return promoted(_buffer(buffer, buffers).dtype)
        case Var(name):
            if name not in scope:
                raise InternalError(f"local {name} is not defined")
            return scope[name]
        case Binary(operator, left, right):
            return _operands_type(operator, OPERATORS, expr, (left, right), buffers, scope)
        case Compare(operator, left, right):
            _operands_type(operator, COMPARISONS, expr, (left, right), buffers, scope)
            return DType.INT32
        case Select(condition, chosen, other):
            _expect(condition, DType.INT32, buffers, scope, f"condition of {format_expr(expr)}")
            result = type_of(chosen, buffers, scope)
            _expect(other, result, buffers, scope, f"right side of {format_expr(expr)}")
            return result
        case Cast(dtype, value):
            type_of(value, buffers, scope)
            return promoted(dtype)
        case Call():
            return _call_type(expr, buffers, scope)


def check_local(statement: Local) -> None:
    """Raises unless the declared type is one that values are computed in."""
    if statement.dtype not in COMPUTED:
        allowed = ", ".join(d.value for d in COMPUTED)
        raise InternalError(f"local {statement.name} is {statement.dtype.value}; allowed {allowed}")


def _operands_type(
    operator: str,
    allowed: tuple[str, ...],
    expr: Expr,
    operands: tuple[Expr, Expr],
    buffers: Mapping[str, Buffer],
    scope: Mapping[str, DType],
) -> DType:
    """The type of both operands."""
    if operator not in allowed:
        raise InternalError(f"operator {operator!r}; allowed {' '.join(allowed)}")
    left, right = operands
    result = type_of(left, buffers, scope)
    _expect(right, result, buffers, scope, f"right side of {format_expr(expr)}")
    return result


def _literal_type(value: int | float, dtype: DType) -> DType:
    if dtype not in COMPUTED:
        raise InternalError(f"literal {value!r} of {dtype.value}")
    if dtype.is_integer and not (isinstance(value, int) and dtype.min <= value <= dtype.max):
        raise InternalError(f"literal {value!r} does not fit {dtype.value}")
    if dtype is DType.FLOAT32 and math.isnan(value):
        raise InternalError(f"{value} is no literal of float32")
    return dtype


def _buffer(name: str, buffers: Mapping[str, Buffer]) -> Buffer:
    if name not in buffers:
        raise InternalError(f"buffer {name} does not exist")
    return buffers[name]


def _call_type(call: Call, buffers: Mapping[str, Buffer], scope: Mapping[str, DType]) -> DType:
    function = CALLABLE.get(call.function)
    if function is None:
        raise InternalError(f"function {call.function} does not exist")
    if len(call.arguments) != len(function.parameters):
        raise InternalError(
            f"{call.function} takes {len(function.parameters)} arguments, "
            f"{len(call.arguments)} given"
        )
    for argument, (name, dtype) in zip(call.arguments, function.parameters, strict=True):
        _expect(argument, promoted(dtype), buffers, scope, f"{call.function}, argument {name}")
    return promoted(function.result)


def _expect(
    expr: Expr,
    dtype: DType,
    buffers: Mapping[str, Buffer],
    scope: Mapping[str, DType],
    where: str,
) -> None:
    found = type_of(expr, buffers, scope)
    if found is not dtype:
        raise InternalError(f"{where}: {format_expr(expr)} is {found.value}, not {dtype.value}")
