"""Softmax in float32.

The highest element of a row is subtracted first, so that no exponential overflows. Exponentials are
computed twice, for the sum and for the output, which takes no memory.

Source: TensorFlow Lite Micro's ``reference_ops::Softmax``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array
from tinycc_ml.loopir import Accumulate, Assign, Binary, Expr, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.base import Numbers, Workload, buffers_of
from tinycc_ml.ops.floats import LOWEST, exp, running_sum


@dataclass(frozen=True, slots=True)
class FloatSoftmax(Numbers):
    """``softmax(beta * x)``."""

    beta: float


def float_softmax(x: Array, numbers: FloatSoftmax) -> Array:
    """See :meth:`OpDef.reference`: along the last axis."""
    terms = exp((x - x.max(axis=-1, keepdims=True)) * np.float32(numbers.beta))
    result: Array = terms / running_sum(terms)[..., None]
    return result


def lower_float_softmax(workload: Workload, numbers: FloatSoftmax) -> LoopKernel:
    """See :meth:`OpDef.lower`."""
    buffers = buffers_of(workload)
    depth = buffers[0].shape[-1]
    rows = buffers[0].elements // depth
    x, y = (replace(buffer, shape=(rows, depth)) for buffer in buffers)

    def term(column: str) -> Expr:
        difference: Expr = b.sub(b.load(x, "r", column), Var("highest"))
        if numbers.beta != 1.0:
            difference = b.mul(difference, b.number(numbers.beta))
        return b.call("exp", difference)

    highest = Assign("highest", Binary("max", Var("highest"), b.load(x, "r", "cm")))
    body = b.nest(
        [("r", rows)],
        Local("highest", DType.FLOAT32, b.number(LOWEST)),
        *b.nest([("cm", depth)], highest),
        Local("total", DType.FLOAT32, b.number(0.0)),
        *b.nest([("cs", depth)], Accumulate("total", term("cs"))),
        *b.nest([("c", depth)], b.store(y, ("r", "c"), b.div(term("c"), Var("total")))),
    )
    return LoopKernel("softmax", (x, y), body)
