"""What operators share that only move elements: each output is one input at a strided place.

Such an operator is a view of its input in the sense of NumPy: extents, and for each a stride (which
may be 0 or negative), and an offset. Its kernel copies the view to a dense output, with as few
loops as the strides allow.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import mul

import numpy as np

from tinycc_ml.dtypes import VALUE_TYPES, DType
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import LoopKernel, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access, Pattern, Spans, Whole
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.quantized import dtype_problem

Shape = tuple[int, ...]

#: What is only moved may be of any type.
ANY_DTYPE = tuple(dtype.value for dtype in VALUE_TYPES)

#: More steps make the plan no better, and its proof slower.
_MOST_STEPS = 256


@dataclass(frozen=True, slots=True)
class StridedView:
    """Where the elements of a dense output come from.

    Attributes:
        extents: Of the output, or of a finer division of it.
        strides: Elements between neighbours of each dimension, in the input.
        offset: The input's element that comes first.
    """

    extents: Shape
    strides: Shape
    offset: int = 0

    def merged(self) -> StridedView:
        """The same with as few dimensions as possible: neighbours join where strides allow it."""
        pairs: list[tuple[int, int]] = []
        for extent, stride in zip(self.extents, self.strides, strict=True):
            if extent == 1:
                continue
            if pairs and pairs[-1][1] == extent * stride:
                pairs[-1] = (pairs[-1][0] * extent, stride)
            else:
                pairs.append((extent, stride))
        return StridedView(tuple(e for e, _ in pairs), tuple(s for _, s in pairs), self.offset)


def dense_strides(shape: Shape) -> Shape:
    """Elements between neighbours of each dimension of a dense tensor."""
    return tuple(accumulate(shape[:0:-1], mul, initial=1))[::-1] if shape else ()


class Movement(OpDef):
    """An operator of one input that moves elements; they keep their type and quantization."""

    dtypes = ANY_DTYPE

    @abstractmethod
    def move(self, attrs: OpAttrs, x: Array) -> Array:
        """The output in NumPy; may be a view."""

    @abstractmethod
    def view(self, attrs: OpAttrs, shape: Shape) -> StridedView:
        """The output as a view of an input of that shape."""

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        x, y = bound.inputs[0], bound.outputs[0]
        return moved_problem(x, y, tuple(DType(name) for name in self.dtypes))

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        return Integers(Numbers(), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        # Other than `ascontiguousarray`, this keeps scalars without a dimension.
        return (np.asarray(self.move(workload.attrs, operands["input"]), order="C"),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        x, y = workload.operand("input"), workload.operand("output")
        sources = self.move(workload.attrs, np.arange(x.elements).reshape(x.shape))
        return gathered_access(sources, y.shape)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        x, y = buffers_of(workload)
        view = self.view(workload.attrs, x.shape).merged()
        flat = replace(x, shape=(x.elements,))
        dense = replace(y, shape=view.extents)
        loops = [(f"i{n}", extent) for n, extent in enumerate(view.extents)]
        source = affine(view.offset)
        for (variable, _), stride in zip(loops, view.strides, strict=True):
            source += affine(variable) * stride
        store = b.store(dense, [variable for variable, _ in loops], b.load(flat, source))
        return LoopKernel(self.name, (flat, dense), b.nest(loops, store))


def moved_problem(x: TensorType, y: TensorType, allowed: Sequence[DType]) -> str | None:
    """Why elements of one tensor cannot become elements of another as they are, or ``None``."""
    problem = dtype_problem("input", x, *allowed) or dtype_problem("output", y, x.dtype)
    if problem is None and x.dtype.is_integer and x.quant != y.quant:
        return f"input is {x} but output is {y}; they must be quantized alike"
    return problem


def gathered_access(sources: Array, shape: Shape) -> Access:
    """The access order of an output whose elements are written in order.

    Args:
        sources: For each output element, the input element that it is.
        shape: Of the output; a step is as few of its last dimensions as keeps steps few.
    """
    elements = int(np.prod(shape, dtype=np.int64))
    step = elements
    for axis in range(len(shape) + 1):
        candidate = int(np.prod(shape[axis:], dtype=np.int64))
        if elements // candidate <= _MOST_STEPS:
            step = candidate
    rows = np.asarray(sources).reshape(-1, step)
    spans = zip(rows.min(axis=1).tolist(), (rows.max(axis=1) + 1).tolist(), strict=True)
    pattern: Pattern = Whole() if step == elements else Spans(tuple(spans))
    return Access(step, (("input", pattern),))
