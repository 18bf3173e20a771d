"""Functions of two operands, element by element with broadcasting: one operator for each row.

Comparisons give ``bool``. Of quantized int8, extremes take operands quantized alike, and
comparisons bring both to one scale first; integers without quantization are what they are.

Source: TensorFlow Lite MAXIMUM, MINIMUM, EQUAL ..., LOGICAL_AND ..., POW, FLOOR_DIV, FLOOR_MOD;
integers as in TensorFlow Lite Micro's ``comparisons.cc`` and ``maximum_minimum.cc``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import VALUE_TYPES, DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Binary as BinaryExpr
from tinycc_ml.loopir import Compare, Expr, LoopKernel, Select
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.math_functions import MATH
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel, broadcast_shape
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.movement import moved_problem
from tinycc_ml.ops.quantized import dtype_problem, integers_problem
from tinycc_ml.ops.registry import register_family
from tinycc_ml.ops.rescaling import Scaling, scale_input, scaled_input, smaller_than_one

# Operands of comparisons gain so many bits before they are scaled.
_COMPARISON_LEFT_SHIFT = 8


@dataclass(frozen=True, slots=True)
class ComparedNumbers(Numbers):
    """How operands of different quantization come to one scale."""

    input0: Scaling
    input1: Scaling


@dataclass(frozen=True, slots=True)
class Function:
    """A function of two operands of the same type.

    Attributes:
        name: The operator's.
        summary: For `tinycc-ml ops`.
        numpy: Its meaning on arrays.
        loop: The same in loop IR.
        dtypes: The operands' types.
        result: The output's type; ``None`` for that of the operands.
    """

    name: str
    summary: str
    numpy: Callable[[Array, Array], Array]
    loop: Callable[[Expr, Expr], Expr]
    dtypes: tuple[str, ...]
    result: DType | None = None

    @property
    def is_comparison(self) -> bool:
        """Whether int8 operands may be quantized differently."""
        return self.result is DType.BOOL and "int8" in self.dtypes


class BinaryFunction(OpDef):
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
        allowed = tuple(DType(name) for name in self.dtypes)
        problem = dtype_problem("input 0", first, *allowed)
        problem = problem or dtype_problem("input 1", second, first.dtype)
        problem = problem or dtype_problem("output", y, self.function.result or first.dtype)
        if problem or first.dtype is not DType.INT8 or _is_plain(bound):
            return problem
        if self.function.is_comparison:
            return (
                int8_problem("input 0", first)
                or int8_problem("input 1", second)
                or integers_problem(self.integerize, bound)
            )
        return moved_problem(first, y, allowed) or moved_problem(second, y, allowed)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        operands = (("input0", 0), ("input1", 1))
        first, second = bound.inputs
        if not (self.function.is_comparison and first.quant and second.quant):
            return Integers(Numbers(), operands)
        return Integers(
            ComparedNumbers(
                Scaling(-first.quant.zero_point, *smaller_than_one(first.quant.scale)),
                Scaling(-second.quant.zero_point, *smaller_than_one(second.quant.scale)),
            ),
            operands,
        )

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        x, y, n = operands["input0"], operands["input1"], workload.numbers
        if isinstance(n, ComparedNumbers):
            x = scale_input(x, n.input0, _COMPARISON_LEFT_SHIFT)
            y = scale_input(y, n.input1, _COMPARISON_LEFT_SHIFT)
        with np.errstate(all="ignore"):
            return (np.asarray(self.function.numpy(x, y)),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers

        def value(x: Expr, y: Expr) -> Expr:
            if isinstance(n, ComparedNumbers):
                x = scaled_input(x, n.input0, _COMPARISON_LEFT_SHIFT)
                y = scaled_input(y, n.input1, _COMPARISON_LEFT_SHIFT)
            return self.function.loop(x, y)

        return broadcast_kernel(workload, value)


def _is_plain(bound: BoundNode) -> bool:
    """Whether int8 is what it is: integers without a scale."""
    return all(type_.quant is None for type_ in (*bound.inputs, *bound.outputs))


_NUMBERS = tuple(dtype.value for dtype in VALUE_TYPES if dtype is not DType.BOOL)
_COMPARED = _NUMBERS
_EQUAL = (*_COMPARED, "bool")
_FLOAT = ("float32",)
_BOOL = ("bool",)


def _comparison(
    name: str, operator: str, numpy: Callable[[Array, Array], Array], dtypes: tuple[str, ...]
) -> Function:
    return Function(
        name,
        f"x {operator} y, as bool",
        numpy,
        lambda x, y: Compare(operator, x, y),
        dtypes,
        DType.BOOL,
    )


def _of_library(name: str) -> Callable[[Array, Array], Array]:
    """A function of ``math.h`` on arrays that are broadcast."""
    function = np.frompyfunc(MATH[name].meaning, 2, 1)
    return lambda x, y: np.asarray(function(x.astype(float), y.astype(float)), np.float32)


def _floor_mod_numpy(x: Array, y: Array) -> Array:
    rest = np.fmod(x, y)
    result: Array = np.where((rest != 0) & ((y < 0) != (rest < 0)), rest + y, rest)
    return result


def _floor_mod_loop(x: Expr, y: Expr) -> Expr:
    rest, zero = b.call("fmod", x, y), b.number(0.0)
    differ = Compare("!=", Compare("<", y, zero), Compare("<", rest, zero))
    wrong = b.mul(Compare("!=", rest, zero), differ)
    return Select(wrong, b.add(rest, y), rest)


FUNCTIONS = (
    Function("atan2", "angle of a point", _of_library("atan2"), lambda x, y: b.call("atan2", x, y),
             _FLOAT),
    Function("div", "x / y", np.divide, b.div, _FLOAT),
    Function("floor_div", "floor(x / y)", lambda x, y: np.floor(x / y),
             lambda x, y: b.call("floor", b.div(x, y)), _FLOAT),
    Function("floor_mod", "x - y * floor(x / y)", _floor_mod_numpy, _floor_mod_loop, _FLOAT),
    Function("fmod", "rest of a division, of x's sign", np.fmod,
             lambda x, y: b.call("fmod", x, y), _FLOAT),
    Function("pow", "x to the power of y", _of_library("pow"), lambda x, y: b.call("pow", x, y),
             _FLOAT),
    Function("maximum", "the larger one", np.maximum, lambda x, y: BinaryExpr("max", x, y),
             _NUMBERS),
    Function("minimum", "the smaller one", np.minimum, lambda x, y: BinaryExpr("min", x, y),
             _NUMBERS),
    _comparison("equal", "==", np.equal, _EQUAL),
    _comparison("not_equal", "!=", np.not_equal, _EQUAL),
    _comparison("greater", ">", np.greater, _COMPARED),
    _comparison("greater_equal", ">=", np.greater_equal, _COMPARED),
    _comparison("less", "<", np.less, _COMPARED),
    _comparison("less_equal", "<=", np.less_equal, _COMPARED),
    Function("logical_and", "both", np.logical_and, lambda x, y: BinaryExpr("min", x, y), _BOOL),
    Function("logical_or", "any of two", np.logical_or, lambda x, y: BinaryExpr("max", x, y),
             _BOOL),
    Function("logical_xor", "one of two", np.not_equal, lambda x, y: Compare("!=", x, y), _BOOL),
)  # fmt: skip

register_family(BinaryFunction(function) for function in FUNCTIONS)
