"""The product over dimensions, factor by factor in float32.

Source: TensorFlow Lite REDUCE_PROD; ONNX ReduceProd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Assign, Local, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.floats import float_problem
from tinycc_ml.ops.reduction import (
    ReductionLoops,
    reduced_rows,
    reduced_shape,
    reduction_access,
)
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class ReduceProdAttrs(OpAttrs):
    """The dimensions to reduce: not negative, ascending, without duplicates."""

    axes: tuple[int, ...]
    keep_dims: bool = False


@register
class ReduceProd(OpDef):
    """Input: any shape. Output: the shape without the axes, or with 1 in their place."""

    name = "reduce_prod"
    attrs_type = ReduceProdAttrs
    summary = "product over any dimensions"
    dtypes = ("float32",)

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a = cast(ReduceProdAttrs, attrs)
        return (reduced_shape(self.name, inputs[0].shape, a.axes, a.keep_dims),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        return float_problem(bound)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, x = cast(ReduceProdAttrs, workload.attrs), operands["input"]
        with np.errstate(all="ignore"):
            # Other than ``prod``, this is sequential.
            products: Array = np.multiply.accumulate(reduced_rows(x, a.axes), axis=-1)[..., -1]
        return (products.reshape(workload.operand("output").shape),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return reduction_access(workload, cast(ReduceProdAttrs, workload.attrs).axes)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a = cast(ReduceProdAttrs, workload.attrs)
        x, y = buffers_of(workload)
        loops = ReductionLoops(x.shape, a.axes, a.keep_dims)
        product = Var("product")
        one = b.number(1.0)
        body = b.nest(
            loops.kept,
            Local(product.name, one.dtype, one),
            *b.nest(loops.reduced, Assign(product.name, b.mul(product, b.load(x, *loops.element)))),
            b.store(y, loops.target, product),
        )
        return LoopKernel(self.name, (x, y), body)
