"""Softmax along the last axis.

``output[c] = exp(beta * input[c]) / sum(exp(beta * input))``; of int8 the exponentials come from a
table, of int16 from a table between whose entries is interpolated.

Source: TensorFlow Lite SOFTMAX; integers as in TensorFlow Lite Micro's ``reference_ops::Softmax``
and ``SoftmaxInt16``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, Constant, OpAttrs, TensorType
from tinycc_ml.loopir import Accumulate, Assign, Binary, Expr, Local, Lookup, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import (
    ACCUMULATOR_BITS,
    SOFTMAX_MAX_DEPTH,
    softmax_exp_table,
    softmax_int8,
    softmax_real_multiplier,
)
from tinycc_ml.ops.access import Access, Elementwise
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.float_softmax import FloatSoftmax, float_softmax, lower_float_softmax
from tinycc_ml.ops.floats import float_problem, is_float
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.quantized import probability_problem
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.wide_softmax import (
    WideSoftmaxNumbers,
    lower_wide_softmax,
    wide_softmax_integers,
    wide_softmax_problem,
    wide_softmax_reference,
)


@dataclass(frozen=True, slots=True)
class SoftmaxAttrs(OpAttrs):
    """``softmax(beta * x)``."""

    beta: float = 1.0


@register
class Softmax(OpDef):
    """Input: any shape of rank 1 or more. Output: the same shape; of int8 with scale 1/256.

    Of int16 the output's scale is 2**-15.
    """

    name = "softmax"
    attrs_type = SoftmaxAttrs
    summary = "softmax along the last axis, any beta"
    dtypes = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        if not inputs[0].shape:
            raise UnsupportedError("softmax of a scalar; it needs an axis")
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        x, y, beta = bound.inputs[0], bound.outputs[0], cast(SoftmaxAttrs, bound.attrs).beta
        if x.dtype is DType.INT16:
            return wide_softmax_problem(bound, beta)
        problem = int8_problem("input", x) or int8_problem("output", y) or probability_problem(y)
        if problem:
            return problem
        assert x.quant  # checked just above
        if x.shape[-1] > SOFTMAX_MAX_DEPTH:
            return f"rows of {x.shape[-1]} elements; allowed up to {SOFTMAX_MAX_DEPTH}"
        if not softmax_real_multiplier(beta, x.quant.scale) > 1:
            return f"beta {beta:g} times the input's scale {x.quant.scale:g} is below 2**-26"
        return None

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        if is_float(bound):
            return Integers(FloatSoftmax(cast(SoftmaxAttrs, bound.attrs).beta), (("input", 0),))
        if bound.inputs[0].dtype is DType.INT16:
            return wide_softmax_integers(bound, cast(SoftmaxAttrs, bound.attrs).beta)
        quant = bound.inputs[0].quant
        assert quant  # checked by check
        table = softmax_exp_table(cast(SoftmaxAttrs, bound.attrs).beta, quant.scale)
        constants = (("exp_table", Constant(table.astype(np.int32))),)
        return Integers(Numbers(), (("input", 0),), constants)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        if isinstance(workload.numbers, FloatSoftmax):
            return (float_softmax(operands["input"], workload.numbers),)
        if isinstance(workload.numbers, WideSoftmaxNumbers):
            return wide_softmax_reference(workload.numbers, operands)
        return (softmax_int8(operands["input"], operands["exp_table"]).astype(np.int8),)

    def access(self, workload: Workload) -> Access:
        """A step is a row; its elements are read again between the writes."""
        depth = workload.operand("input").shape[-1]
        return Access(depth, (("input", Elementwise(depth)),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        if isinstance(workload.numbers, FloatSoftmax):
            return lower_float_softmax(workload, workload.numbers)
        if isinstance(workload.numbers, WideSoftmaxNumbers):
            return lower_wide_softmax(workload, workload.numbers)
        x, table, y = buffers_of(workload)
        depth = x.shape[-1]
        rows = x.elements // depth
        x, y = (replace(buffer, shape=(rows, depth)) for buffer in (x, y))

        def exp(column: str) -> Expr:
            difference = b.sub(Var("highest"), b.load(x, "r", column))
            if table.elements < 256:
                difference = Binary("min", difference, b.value(table.elements - 1))
            return Lookup(table.name, difference)

        highest = Assign("highest", Binary("max", Var("highest"), b.load(x, "r", "cm")))
        term = b.call("rounding_divide_by_pot", exp("cs"), ACCUMULATOR_BITS)
        share = b.call("doubling_high_mul", Var("scale"), exp("c"))
        output = b.add(b.call("rounding_divide_by_pot", share, Var("exponent")), b.INT8_MIN)
        body = b.nest(
            [("r", rows)],
            Local("highest", DType.INT32, b.value(b.INT8_MIN)),
            *b.nest([("cm", depth)], highest),
            Local("total", DType.INT32, b.value(0)),
            *b.nest([("cs", depth)], Accumulate("total", term)),
            Local("scale", DType.INT32, b.call("softmax_scale", Var("total"))),
            Local("exponent", DType.INT32, b.call("softmax_exponent", Var("total"))),
            *b.nest([("c", depth)], b.store(y, ("r", "c"), Binary("min", output, b.value(127)))),
        )
        return LoopKernel(self.name, (x, table, y), body)
