"""Functions of one operand, element by element: one operator for each real function.

In int8 a function is a table of 256 outputs: TensorFlow Lite Micro's where that computes it, else
the real function by the rule by which the library fills its tables. In int16 there is tanh.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

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
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.gates import (
    TANH,
    Gate,
    GateNumbers,
    gate_integers,
    gate_problem,
    gate_reference,
    is_gate,
    lower_gate,
)
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.lookup import every_input, lookup_integers, lookup_reference, lower_lookup
from tinycc_ml.ops.quantized import integers_problem
from tinycc_ml.ops.real_functions import (
    REAL_FUNCTIONS,
    RealFunction,
    SlopeAttrs,
    elu_of_tables,
)
from tinycc_ml.ops.registry import register_family

#: Arguments of the library's tanh keep 31 bits behind this.
_LOWEST_TANH_SCALE = 2.0**-28


@dataclass(frozen=True, slots=True)
class Int8Table:
    """How TensorFlow Lite Micro computes a function in int8.

    Attributes:
        table: The outputs of all inputs; raises `UnsupportedError` where they are undefined.
        output: The output's scale and zero point where the library fixes them.
        lowest_scale: The least scale of the input.
    """

    table: Callable[[IntArray, TableQuant, OpAttrs], IntArray]
    output: tuple[float, int] | None = None
    lowest_scale: float = 0.0


_INT8: dict[str, Int8Table] = {
    "abs": Int8Table(lambda x, q, _: abs_int8(x, q)),
    "elu": Int8Table(lambda x, q, a: function_table(x, q, lambda real: elu_of_tables(real, a))),
    "hard_swish": Int8Table(lambda x, q, _: hard_swish_int8(x, q)),
    "leaky_relu": Int8Table(lambda x, q, a: leaky_relu_int8(x, q, cast(SlopeAttrs, a).alpha)),
    "rsqrt": Int8Table(lambda x, q, _: rsqrt_int8(x, q)),
    "tanh": Int8Table(lambda x, q, _: tanh_int8(x, q), (1 / 128, 0), _LOWEST_TANH_SCALE),
}
#: ... and in int16.
_INT16: dict[str, Gate] = {"tanh": TANH}


def _by_rule(function: RealFunction) -> Int8Table:
    return Int8Table(lambda x, q, a: function_table(x, q, lambda real: function.numpy(real, a)))


class Unary(OpDef):
    """Input: any shape. Output: the same shape; its quantization may differ."""

    dtypes: ClassVar[tuple[str, ...]] = ("int8", "float32")
    is_elementwise = True

    def __init__(self, function: RealFunction) -> None:
        self.function = function
        self.int8 = _INT8.get(function.name) or _by_rule(function)
        self.name = function.name  # type: ignore[misc]
        self.summary = function.summary  # type: ignore[misc]
        self.attrs_type = function.attrs_type  # type: ignore[misc]
        self.int16 = _INT16.get(function.name)
        if self.int16 is not None:
            self.dtypes = ("int8", "int16", "float32")  # type: ignore[misc]

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        if self.int16 is not None and is_gate(bound):
            return gate_problem(bound, self.int16)
        x, y = bound.inputs[0], bound.outputs[0]
        return (
            int8_problem("input", x)
            or int8_problem("output", y)
            or self._scale_problem(x, y)
            or integers_problem(self.integerize, bound)
        )

    def _scale_problem(self, x: TensorType, y: TensorType) -> str | None:
        assert x.quant and y.quant  # checked by int8_problem
        fixed, lowest = self.int8.output, self.int8.lowest_scale
        if fixed is not None and (y.quant.scale, y.quant.zero_point) != fixed:
            return f"output is {y}; it must have scale {fixed[0]:g} and zero point {fixed[1]}"
        if x.quant.scale < lowest:
            return f"input has scale {x.quant.scale:g}; allowed from {lowest:g}"
        return None

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        if is_float(bound):
            return Integers(FloatNumbers(), (("input", 0),))
        if self.int16 is not None and is_gate(bound):
            return gate_integers(bound, self.int16)
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by check
        q = TableQuant(x.scale, x.zero_point, y.scale, y.zero_point)
        with np.errstate(all="ignore"):
            table = self.int8.table(every_input(DType.INT8), q, bound.attrs)
        return lookup_integers(table, DType.INT8)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        if isinstance(workload.numbers, FloatNumbers):
            with np.errstate(all="ignore"):
                return (self.function.numpy(operands["input"], workload.attrs),)
        if self.int16 is not None and isinstance(workload.numbers, GateNumbers):
            return gate_reference(workload, operands, self.int16)
        return lookup_reference(workload, operands)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        if isinstance(workload.numbers, FloatNumbers):
            return elementwise_kernel(workload, lambda x: self.function.loop(x, workload.attrs))
        if self.int16 is not None and isinstance(workload.numbers, GateNumbers):
            return lower_gate(workload, self.int16)
        return lower_lookup(workload)


register_family(Unary(function) for function in REAL_FUNCTIONS)
