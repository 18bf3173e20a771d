"""Functions of one operand, element by element: one operator for each row of `FUNCTIONS`.

In int8 a function is a table of 256 outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel
from tinycc_ml.numerics.fixed_point import IntArray
from tinycc_ml.numerics.tables import (
    TableQuant,
    abs_int8,
    function_table,
    hard_swish_int8,
    leaky_relu_int8,
    rsqrt_int8,
    tanh_int8,
)
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.lookup import every_input, lookup_integers, lookup_reference, lower_lookup
from tinycc_ml.ops.quantized import integers_problem
from tinycc_ml.ops.real_functions import elu, gelu, gelu_tanh
from tinycc_ml.ops.registry import register_family

#: Arguments of the library's tanh keep 31 bits behind this.
_LOWEST_TANH_SCALE = 2.0**-28


@dataclass(frozen=True, slots=True)
class LeakyReluAttrs(OpAttrs):
    """The slope of negative inputs, a float32 value."""

    alpha: float


@dataclass(frozen=True, slots=True)
class GeluAttrs(OpAttrs):
    """Whether the error function is approximated by a hyperbolic tangent."""

    approximate: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A function of one operand.

    Attributes:
        name: The operator's.
        summary: For `tinycc-ml ops`.
        table: The int8 outputs of int8 inputs; raises `UnsupportedError` where they are undefined.
        attrs_type: The operator's attributes.
        output: The output's scale and zero point where the library fixes them.
        lowest_scale: The least scale of the input.
    """

    name: str
    summary: str
    table: Callable[[IntArray, TableQuant, OpAttrs], IntArray]
    attrs_type: type[OpAttrs] = OpAttrs
    output: tuple[float, int] | None = None
    lowest_scale: float = 0.0


class Unary(OpDef):
    """Input: any shape. Output: the same shape; its quantization may differ."""

    def __init__(self, function: Function) -> None:
        self.function = function
        self.name = function.name  # type: ignore[misc]
        self.summary = function.summary  # type: ignore[misc]
        self.attrs_type = function.attrs_type  # type: ignore[misc]

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        return (
            int8_problem("input", x)
            or int8_problem("output", y)
            or self._scale_problem(x, y)
            or integers_problem(self.integerize, bound)
        )

    def _scale_problem(self, x: TensorType, y: TensorType) -> str | None:
        assert x.quant and y.quant  # checked by int8_problem
        fixed = self.function.output
        if fixed is not None and (y.quant.scale, y.quant.zero_point) != fixed:
            return f"output is {y}; it must have scale {fixed[0]:g} and zero point {fixed[1]}"
        if x.quant.scale < self.function.lowest_scale:
            return f"input has scale {x.quant.scale:g}; allowed from {self.function.lowest_scale:g}"
        return None

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by check
        q = TableQuant(x.scale, x.zero_point, y.scale, y.zero_point)
        table = self.function.table(every_input(DType.INT8), q, bound.attrs)
        return lookup_integers(table, DType.INT8)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        return lookup_reference(workload, operands)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        return lower_lookup(workload)


def _leaky_relu(x: IntArray, q: TableQuant, attrs: OpAttrs) -> IntArray:
    return leaky_relu_int8(x, q, cast(LeakyReluAttrs, attrs).alpha)


def _gelu(x: IntArray, q: TableQuant, attrs: OpAttrs) -> IntArray:
    return function_table(x, q, gelu_tanh if cast(GeluAttrs, attrs).approximate else gelu)


FUNCTIONS = (
    Function("abs", "absolute value", lambda x, q, _: abs_int8(x, q)),
    Function("elu", "exponential linear unit", lambda x, q, _: function_table(x, q, elu)),
    Function("gelu", "Gaussian error linear unit, exact or with tanh", _gelu, GeluAttrs),
    Function("hard_swish", "x * clamp(x + 3, 0, 6) / 6", lambda x, q, _: hard_swish_int8(x, q)),
    Function("leaky_relu", "rectifier with a slope below 0", _leaky_relu, LeakyReluAttrs),
    Function("rsqrt", "1 / sqrt(x)", lambda x, q, _: rsqrt_int8(x, q)),
    Function(
        "tanh",
        "hyperbolic tangent",
        lambda x, q, _: tanh_int8(x, q),
        output=(1 / 128, 0),
        lowest_scale=_LOWEST_TANH_SCALE,
    ),
)

register_family(Unary(function) for function in FUNCTIONS)
