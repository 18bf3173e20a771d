"""Softmax of int16 rows: exponentials and the reciprocal of their sum come from tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.loopir import (
    Accumulate,
    Assign,
    Binary,
    Buffer,
    Expr,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Var,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.numerics import (
    exp_table,
    reciprocal_table,
    softmax_int16,
    wide_softmax_multiplier,
)
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, Workload, buffers_of
from tinycc_ml.ops.quantized import alike_problem, bounded_multiplier, integers_problem

_MIN, _MAX = DType.INT16.min, DType.INT16.max
_MAX_DEPTH = (1 << 16) - 1
_OUTPUT_SCALE, _TOLERANCE = 2.0**-15, 0.001


@dataclass(frozen=True, slots=True)
class WideSoftmaxNumbers(Numbers):
    """Multiplier and shift that bring differences of -10 ... 0 to -65535 ... 0."""

    multiplier: int
    shift: int


def wide_softmax_problem(bound: BoundNode, beta: float) -> str | None:
    """See :meth:`OpDef.check`."""
    x, y = bound.inputs[0], bound.outputs[0]
    problem = alike_problem([("input", x), ("output", y)])
    if problem:
        return problem
    assert y.quant  # checked just above
    if abs(y.quant.scale - _OUTPUT_SCALE) > _TOLERANCE * _OUTPUT_SCALE:
        return f"output is {y}; it must have scale 2**-15"
    if x.shape[-1] > _MAX_DEPTH:
        return f"rows of {x.shape[-1]} elements; allowed up to {_MAX_DEPTH}"
    return integers_problem(lambda node: wide_softmax_integers(node, beta), bound)


def wide_softmax_integers(bound: BoundNode, beta: float) -> Integers:
    """See :meth:`OpDef.integerize`."""
    quant = bound.inputs[0].quant
    assert quant  # checked by wide_softmax_problem
    multiplier = bounded_multiplier(wide_softmax_multiplier(beta, quant.scale), bits=16)
    constants = (
        ("exp_table", Constant(exp_table().astype(np.int16))),
        ("reciprocal_table", Constant(reciprocal_table().astype(np.int16))),
    )
    return Integers(WideSoftmaxNumbers(*multiplier), (("input", 0),), constants)


def wide_softmax_reference(
    numbers: WideSoftmaxNumbers, operands: Mapping[str, Array]
) -> tuple[Array, ...]:
    """See :meth:`OpDef.reference`."""
    tables = operands["exp_table"], operands["reciprocal_table"]
    found = softmax_int16(operands["input"], numbers.multiplier, numbers.shift, *tables)
    return (found.astype(np.int16),)


def lower_wide_softmax(workload: Workload, n: WideSoftmaxNumbers) -> LoopKernel:
    """See :meth:`OpDef.lower`; the scratch holds a row's exponentials."""
    x, exps, reciprocals, y = buffers_of(workload)
    depth = x.shape[-1]
    rows = x.elements // depth
    x, y = (replace(buffer, shape=(rows, depth)) for buffer in (x, y))
    row = Buffer("row", DType.INT16, (depth,), Role.SCRATCH)
    difference = b.sub(b.load(x, "r", "ce"), Var("highest"))
    scaled = b.add(b.call("requantize", difference, n.multiplier, n.shift), _MAX)
    exponent = b.sub(31, b.call("count_leading_zeros", Var("total")))
    share = b.call("rounded_shift", b.mul(b.load(row, "c"), Var("reciprocal")), Var("exponent"))
    body = b.nest(
        [("r", rows)],
        Local("highest", DType.INT32, b.value(_MIN)),
        *b.nest(
            [("cm", depth)],
            Assign("highest", Binary("max", Var("highest"), b.load(x, "r", "cm"))),
        ),
        Local("total", DType.INT32, b.value(0)),
        *b.nest(
            [("ce", depth)],
            Local("argument", DType.INT32, b.clamp(scaled, _MIN, _MAX)),
            Local("exp", DType.INT32, _looked_up("argument", exps)),
            b.store(row, ("ce",), Var("exp")),
            Accumulate("total", Var("exp")),
        ),
        Local("sum", DType.INT32, b.call("sum_argument", Var("total"))),
        Local("reciprocal", DType.INT32, _looked_up("sum", reciprocals)),
        Local("exponent", DType.INT32, exponent),
        *b.nest([("c", depth)], b.store(y, ("r", "c"), b.clamp(share, 0, _MAX))),
    )
    return LoopKernel("softmax", (x, exps, reciprocals, y, row), body)


def _looked_up(argument: str, table: Buffer) -> Expr:
    index = b.add(b.call("shift_right", Var(argument), 7), 256)
    low, high = (Lookup(table.name, b.add(index, step)) for step in (0, 1))
    return b.call("between_samples", Var(argument), low, high)
