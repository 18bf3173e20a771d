"""Concatenation along one axis; all tensors are quantized alike.

Source: TensorFlow Lite CONCATENATION; restrictions as in TensorFlow Lite Micro's
``concatenation.cc``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import cast

import numpy as np

from tinycc_ml.dtypes import VALUE_TYPES, DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel, Stmt, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Elementwise
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.quantized import dtype_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class ConcatenationAttrs(OpAttrs):
    """The axis counts from the end if negative."""

    axis: int = 0
    activation: Activation = Activation.NONE


@register
class Concatenation(OpDef):
    """Inputs: tensors that differ in one dimension only. Output: their elements in order."""

    name = "concatenation"
    attrs_type = ConcatenationAttrs
    summary = "concatenation along any axis of tensors quantized alike"
    dtypes = tuple(dtype.value for dtype in VALUE_TYPES)

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        axis, first = cast(ConcatenationAttrs, attrs).axis, inputs[0].shape
        shapes = [t.shape for t in inputs]
        if not -len(first) <= axis < len(first):
            raise UnsupportedError(f"axis {axis} of {first} does not exist")
        axis %= len(first)
        if any(s[:axis] + s[axis + 1 :] != first[:axis] + first[axis + 1 :] for s in shapes):
            raise UnsupportedError(f"shapes {shapes} differ in more than axis {axis}")
        return ((*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :]),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        a, y = cast(ConcatenationAttrs, bound.attrs), bound.outputs[0]
        if a.activation is not Activation.NONE:
            return f"fused activation {a.activation.value}; allowed none"
        problem = dtype_problem("output", y, *(DType(name) for name in self.dtypes))
        for i, x in enumerate(bound.inputs):
            problem = problem or dtype_problem(f"input {i}", x, y.dtype)
            if problem is None and y.dtype.is_integer and x.quant != y.quant:
                return f"input {i} is {x} but output is {y}; they must be quantized alike"
        return problem

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), tuple((f"input{i}", i) for i in range(len(bound.inputs))))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        axis = cast(ConcatenationAttrs, workload.attrs).axis
        return (np.concatenate([operands[role] for role, _ in workload.inputs], axis=axis),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        outer = _outer(workload)
        return Access(
            workload.operand("output").elements // outer,
            tuple((role, Elementwise(x.elements // outer)) for role, x in workload.inputs),
        )

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        outer = _outer(workload)
        # Dimensions before the axis are one loop, the axis and those after it another.
        *inputs, y = (replace(u, shape=(outer, u.elements // outer)) for u in buffers_of(workload))
        copies: list[Stmt] = []
        offset = 0
        for n, x in enumerate(inputs):
            store = b.store(y, ["o", affine(f"i{n}") + offset], b.load(x, "o", f"i{n}"))
            copies += b.nest([(f"i{n}", x.shape[1])], store)
            offset += x.shape[1]
        return LoopKernel(self.name, (*inputs, y), b.nest([("o", outer)], *copies))


def _outer(workload: Workload) -> int:
    shape = workload.operand("output").shape
    return prod(shape[: cast(ConcatenationAttrs, workload.attrs).axis % len(shape)])
