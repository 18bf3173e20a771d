"""Translates the expressions of loop IR to expressions of C."""

from __future__ import annotations

from collections.abc import Mapping

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir.c_expr import Apply, Atom, CExpr, Choose, Convert, Element, Infix, literal
from tinycc_ml.loopir.c_functions import PREFIX, UNPACK
from tinycc_ml.loopir.c_indices import affine_expr, flat_expr
from tinycc_ml.loopir.functions import CALLABLE
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import (
    Binary,
    Call,
    Cast,
    Compare,
    Expr,
    Literal,
    Load,
    Lookup,
    LoopKernel,
    Select,
    Store,
    Var,
)
from tinycc_ml.loopir.math_functions import MathFunction
from tinycc_ml.loopir.typing import promoted, type_of
from tinycc_ml.loopir.walk import local_types


class CValues:
    """The expressions of one kernel in C.

    Args:
        kernel: The kernel.
        names: Indices that are locals of their own in C.
    """

    def __init__(self, kernel: LoopKernel, names: Mapping[Affine, str]) -> None:
        self._buffers = {buffer.name: buffer for buffer in kernel.buffers}
        self._scope = local_types(kernel.body)
        self._names = names

    def index(self, index: Affine, order: tuple[str, ...]) -> CExpr:
        """An index, or its name; ``order`` are the loops around it, outermost first."""
        name = self._names.get(index)
        return Atom(name) if name else affine_expr(index, order)

    def element(self, buffer: str, indices: tuple[Affine, ...], order: tuple[str, ...]) -> Element:
        """An element in the type it has in memory."""
        target = self._buffers[buffer]
        flat = flat_expr(target, [self.index(i, order) for i in indices])
        return Element(buffer, flat, target.dtype)

    def stored(self, store: Store, order: tuple[str, ...]) -> CExpr:
        """The value of a store, narrowed to the type in memory."""
        dtype = self._buffers[store.buffer].dtype
        value = self.value(store.value, order)
        if isinstance(value, Convert) and _memory_type(value.value) is dtype:
            return value.value
        if dtype is promoted(dtype) or isinstance(store.value, Literal):
            return value
        return convert(dtype, value)

    def value(self, expr: Expr, order: tuple[str, ...]) -> CExpr:
        """An expression in the type that it is computed in."""
        match expr:
            case Literal(value, dtype):
                return literal(value, dtype)
            case Load(buffer, indices):
                return self._read(self.element(buffer, indices, order))
            case Lookup(buffer, index):
                dtype = self._buffers[buffer].dtype
                return self._read(Element(buffer, self.value(index, order), dtype))
            case Var(name):
                return Atom(name)
            case Binary():
                return self._binary(expr, order)
            case Compare():
                return Convert(DType.INT32, self._comparison(expr, order))
            case Select(condition, chosen, other):
                values = self.value(chosen, order), self.value(other, order)
                dtype = type_of(chosen, self._buffers, self._scope)
                return Choose(self._condition(condition, order), *values, dtype)
            case Cast(dtype, value):
                unchanged = type_of(value, self._buffers, self._scope) is dtype
                operand = self.value(value, order)
                return operand if unchanged else convert(dtype, operand)
            case Call(function, arguments):
                operands = tuple(self.value(a, order) for a in arguments)
                called = CALLABLE[function]
                name = called.c_name if isinstance(called, MathFunction) else PREFIX + function
                return Apply(name, operands, called.result)

    def _read(self, element: Element) -> CExpr:
        if element.dtype is DType.INT4:
            return Apply(PREFIX + UNPACK.name, (Atom(element.buffer), element.index), DType.INT32)
        return _widened(element)

    def _condition(self, expr: Expr, order: tuple[str, ...]) -> Infix:
        if isinstance(expr, Compare):
            return self._comparison(expr, order)
        return Infix("!=", self.value(expr, order), Atom("0"))

    def _comparison(self, expr: Compare, order: tuple[str, ...]) -> Infix:
        return Infix(expr.operator, self.value(expr.left, order), self.value(expr.right, order))

    def _binary(self, expr: Binary, order: tuple[str, ...]) -> CExpr:
        dtype = type_of(expr.left, self._buffers, self._scope)
        left = self.value(expr.left, order)
        if expr.operator in ("min", "max"):
            function = f"{PREFIX}{expr.operator}_{dtype.short_name}"
            return Apply(function, (left, self.value(expr.right, order)), dtype)
        operator, right = expr.operator, expr.right
        if operator in ("+", "-") and isinstance(right, Literal) and _negatable(right):
            operator = "-" if operator == "+" else "+"
            right = Literal(-right.value, right.dtype)
        return Infix(operator, left, self.value(right, order), dtype)


def convert(dtype: DType, value: CExpr) -> CExpr:
    """``(type)value``; the widening of a narrow element directly inside is left out."""
    if (
        isinstance(value, Convert)
        and isinstance(value.value, Element)
        and value == _widened(value.value)
    ):
        return Convert(dtype, value.value)
    return Convert(dtype, value)


def _negatable(number: Literal) -> bool:
    """Whether ``x + -3`` may become ``x - 3``: the negation must have a value of the type."""
    return number.value < 0 and (number.dtype is DType.FLOAT32 or -number.value <= number.dtype.max)


def _memory_type(value: CExpr) -> DType | None:
    return value.dtype if isinstance(value, Element) else None


def _widened(element: Element) -> CExpr:
    widened = promoted(element.dtype)
    return element if widened is element.dtype else Convert(widened, element)
