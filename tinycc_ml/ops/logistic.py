"""Logistic function.

``output = 1 / (1 + exp(-input))``; of int8 a table of 256 outputs, of int16 the table of gates.

Source: TensorFlow Lite LOGISTIC; integers as in TensorFlow Lite Micro's ``logistic_common.cc`` and
``reference_integer_ops::Logistic``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Compare, Expr, LoopKernel, Select
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import logistic_int8
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.elementwise import elementwise_access, elementwise_kernel
from tinycc_ml.ops.floats import FloatNumbers, exp, float_problem, is_float
from tinycc_ml.ops.gates import (
    LOGISTIC,
    GateNumbers,
    gate_integers,
    gate_problem,
    gate_reference,
    is_gate,
    lower_gate,
)
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.lookup import every_input, lookup_integers, lookup_reference, lower_lookup
from tinycc_ml.ops.quantized import probability_problem
from tinycc_ml.ops.registry import register

_LOWEST_SCALE = 2.0**-28
#: Where the library takes exp(x), or 1, for floats.
_NEARLY_EXP, _NEARLY_ONE = -9.0, 16.619047164916992


@register
class Logistic(OpDef):
    """Input: any shape. Output: the same shape; of int8 with scale 1/256, of int16 2**-15."""

    name = "logistic"
    summary = "logistic function (sigmoid)"
    dtypes = ("int8", "int16", "float32")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        if is_gate(bound):
            return gate_problem(bound, LOGISTIC)
        x, y = bound.inputs[0], bound.outputs[0]
        problem = int8_problem("input", x) or int8_problem("output", y) or probability_problem(y)
        if problem is None and x.quant and x.quant.scale < _LOWEST_SCALE:
            return f"input has scale {x.quant.scale:g}; allowed from {_LOWEST_SCALE:g}"
        return problem

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        if is_float(bound):
            return Integers(FloatNumbers(), (("input", 0),))
        if is_gate(bound):
            return gate_integers(bound, LOGISTIC)
        quant = bound.inputs[0].quant
        assert quant  # checked by check
        table = logistic_int8(every_input(DType.INT8), quant.scale, quant.zero_point)
        return lookup_integers(table, DType.INT8)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        if isinstance(workload.numbers, FloatNumbers):
            return (float_logistic(operands["input"]),)
        if isinstance(workload.numbers, GateNumbers):
            return gate_reference(workload, operands, LOGISTIC)
        return lookup_reference(workload, operands)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return elementwise_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        if isinstance(workload.numbers, FloatNumbers):
            return elementwise_kernel(workload, logistic)
        if isinstance(workload.numbers, GateNumbers):
            return lower_gate(workload, LOGISTIC)
        return lower_lookup(workload)


def logistic(x: Expr) -> Expr:
    """The function in float32, in loop IR."""
    negative = b.sub(b.number(0.0), x)
    middle = b.div(b.number(1.0), b.add(b.number(1.0), b.call("exp", negative)))
    low = Select(Compare("<", x, b.number(_NEARLY_EXP)), b.call("exp", x), middle)
    return Select(Compare(">", x, b.number(_NEARLY_ONE)), b.number(1.0), low)


def float_logistic(x: Array) -> Array:
    """The function of float32, in NumPy."""
    one = np.float32(1)
    low = np.where(x < np.float32(_NEARLY_EXP), exp(x), one / (one + exp(-x)))
    result: Array = np.where(x > np.float32(_NEARLY_ONE), one, low)
    return result
