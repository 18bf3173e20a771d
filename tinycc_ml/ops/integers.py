"""Arithmetic of integers without quantization, element by element with broadcasting.

Results are modulo 2^n, as in NumPy; divisions by 0 give 0.

Source: ONNX Add, Sub, Mul, Div, Mod, BitShift, BitwiseAnd, BitwiseOr, BitwiseXor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import VALUE_TYPES, DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Binary, Compare, Expr, Literal, Local, LoopKernel, Select, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel, broadcast_shape
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register_family
from tinycc_ml.ops.words import WORD, element, word

_INTEGERS = tuple(dtype.value for dtype in VALUE_TYPES if dtype.is_integer)
#: 64 bits would need a library for divisions and shifts.
_SHORT = tuple(name for name in _INTEGERS if DType(name).size_bytes <= 4)


@dataclass(frozen=True, slots=True)
class Function:
    """A function of two integers.

    Attributes:
        name: The operator's.
        summary: For `tinycc-ml ops`.
        numpy: Its meaning on arrays.
        loop: The same in loop IR, of operands of an element type.
        dtypes: The operands' and the output's types.
        local: What `loop` reads as the variable ``rest``.
    """

    name: str
    summary: str
    numpy: Callable[[Array, Array], Array]
    loop: Callable[[Expr, Expr, DType], Expr]
    dtypes: tuple[str, ...]
    local: Callable[[Expr, Expr, DType], Expr] | None = None


class IntegerFunction(OpDef):
    """Inputs: two tensors of a type whose shapes broadcast. Output: their broadcast shape."""

    is_elementwise = True

    def __init__(self, function: Function) -> None:
        self.function = function
        self.name = function.name  # type: ignore[misc]
        self.summary = function.summary  # type: ignore[misc]
        self.dtypes = function.dtypes  # type: ignore[misc]

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (broadcast_shape(inputs[0].shape, inputs[1].shape),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        (first, second), y = bound.inputs, bound.outputs[0]
        return (
            dtype_problem("input 0", first, *(DType(name) for name in self.dtypes))
            or dtype_problem("input 1", second, first.dtype)
            or dtype_problem("output", y, first.dtype)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input0", 0), ("input1", 1)))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        with np.errstate(all="ignore"):
            return (np.asarray(self.function.numpy(operands["input0"], operands["input1"])),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        dtype, function = workload.operand("output").dtype, self.function
        before = function.local

        def local(x: Expr, y: Expr) -> Local:
            assert before is not None  # only called then
            return Local("rest", promoted(dtype), before(x, y, dtype))

        return broadcast_kernel(
            workload,
            lambda x, y: function.loop(x, y, dtype),
            None if before is None else local,
        )


# Loop IR. Narrow integers are computed with in int32; words are unsigned, and wrap.


def _wrapping(operator: str) -> Callable[[Expr, Expr, DType], Expr]:
    return lambda x, y, dtype: element(Binary(operator, word(x, dtype), word(y, dtype)), dtype)


def _bits(operator: str) -> Callable[[Expr, Expr, DType], Expr]:
    def loop(x: Expr, y: Expr, dtype: DType) -> Expr:
        long = "_64" if dtype.size_bytes == 8 else ""
        bits = b.call(f"bits_{operator}{long}", word(x, dtype), word(y, dtype))
        return element(bits, dtype)

    return loop


def _number(value: int, dtype: DType) -> Literal:
    return Literal(value, promoted(dtype))


def _divided(x: Expr, y: Expr, dtype: DType, by_minus_one: Expr, else_: Expr) -> Expr:
    """What C defines of a division, and what it does not."""
    if dtype.min < 0:
        else_ = Select(Compare("==", y, _number(-1, dtype)), by_minus_one, else_)
    return Select(Compare("==", y, _number(0, dtype)), _number(0, dtype), else_)


def _quotient(x: Expr, y: Expr, dtype: DType) -> Expr:
    # The lowest number has no negative: it stays what it is.
    negative = element(Binary("-", Literal(0, WORD), word(x, dtype)), dtype)
    return _divided(x, y, dtype, negative, Binary("/", x, y))


def _rest(x: Expr, y: Expr, dtype: DType) -> Expr:
    rest = Binary("-", x, Binary("*", Binary("/", x, y), y))
    return _divided(x, y, dtype, _number(0, dtype), rest)


def _floor_rest(x: Expr, y: Expr, dtype: DType) -> Expr:
    rest, zero = Var("rest"), _number(0, dtype)
    if dtype.min == 0:
        return rest
    differ = Compare("!=", Compare("<", y, zero), Compare("<", rest, zero))
    return Select(b.mul(Compare("!=", rest, zero), differ), b.add(rest, y), rest)


def _left(x: Expr, y: Expr, dtype: DType) -> Expr:
    return element(b.call("shift_word_left", word(x, dtype), word(y, dtype)), dtype)


def _right(x: Expr, y: Expr, dtype: DType) -> Expr:
    name = "shift_word_right" if dtype is WORD else "shift_signed_right"
    return b.call(name, x, word(y, dtype))


# NumPy.


def _quotient_numpy(x: Array, y: Array) -> Array:
    divisor = np.where(y == 0, np.ones_like(y), y)
    floor = x // divisor
    inexact = (floor * divisor != x) & ((x < 0) != (divisor < 0))
    result: Array = np.where(y == 0, np.zeros_like(floor), floor + inexact.astype(x.dtype))
    return result


def _left_numpy(x: Array, y: Array) -> Array:
    bits = 8 * x.dtype.itemsize
    inside = (y >= 0) & (y < bits)
    result: Array = np.where(inside, x << np.where(inside, y, 0).astype(y.dtype), 0)
    return result.astype(x.dtype)


def _right_numpy(x: Array, y: Array) -> Array:
    bits = 8 * x.dtype.itemsize
    inside = (y >= 0) & (y < bits)
    outside = np.where(x < 0, -1, 0).astype(x.dtype)
    result: Array = np.where(inside, x >> np.where(inside, y, 0).astype(y.dtype), outside)
    return result.astype(x.dtype)


FUNCTIONS = (
    Function("integer_add", "x + y modulo 2^n", np.add, _wrapping("+"), _INTEGERS),
    Function("integer_sub", "x - y modulo 2^n", np.subtract, _wrapping("-"), _INTEGERS),
    Function("integer_mul", "x * y modulo 2^n", np.multiply, _wrapping("*"), _INTEGERS),
    Function("integer_div", "x / y towards zero", _quotient_numpy, _quotient, _SHORT),
    Function("integer_fmod", "rest of a division, of x's sign", np.fmod,
             lambda x, y, dtype: Var("rest"), _SHORT, _rest),
    Function("integer_mod", "rest of a division, of y's sign", np.mod, _floor_rest, _SHORT, _rest),
    Function("bit_and", "bits of both", np.bitwise_and, _bits("and"), _INTEGERS),
    Function("bit_or", "bits of any of two", np.bitwise_or, _bits("or"), _INTEGERS),
    Function("bit_xor", "bits of one of two", np.bitwise_xor, _bits("xor"), _INTEGERS),
    Function("shift_left", "x * 2^y modulo 2^n", _left_numpy, _left, _SHORT),
    Function("shift_right", "x / 2^y, rounded down", _right_numpy, _right, _SHORT),
)  # fmt: skip

register_family(IntegerFunction(function) for function in FUNCTIONS)
