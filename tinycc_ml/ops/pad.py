"""Padding with a constant.

``output[i + before] = input[i]``, and the constant, by default real zero, everywhere else.

Source: TensorFlow Lite PAD, PADV2; TensorFlow Lite Micro's ``reference_ops::Pad``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Assign, Literal, Local, LoopKernel, Var, affine
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.typing import promoted
from tinycc_ml.ops.access import Access, Whole, Window
from tinycc_ml.ops.base import BoundNode, Integers, Numbers, OpDef, Workload, buffers_of
from tinycc_ml.ops.floats import float_problem, is_float
from tinycc_ml.ops.int8_checks import different_problem
from tinycc_ml.ops.quantized import alike_problem
from tinycc_ml.ops.registry import register


@dataclass(frozen=True, slots=True)
class PadAttrs(OpAttrs):
    """Elements added before and after each dimension; one pair per dimension, not negative.

    `fill` is the value of added elements as it is stored; ``None`` for zero.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    fill: int | float | None = None


@dataclass(frozen=True, slots=True)
class PadNumbers(Numbers):
    """The value of added elements."""

    fill: int | float


@register
class Pad(OpDef):
    """Input: any shape. Output: the shape plus what is added, quantized alike."""

    name = "pad"
    attrs_type = PadAttrs
    summary = "padding of any dimensions with a constant"
    dtypes = ("int8", "int16", "float32")

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        a, x = cast(PadAttrs, attrs), inputs[0].shape
        fits = len(x) == len(a.before) == len(a.after) and len(x) > 0
        if not fits or min(*a.before, *a.after) < 0:
            raise UnsupportedError(
                f"padding {a.before} before and {a.after} after {x}: expected one number of each "
                "per dimension, none of them negative"
            )
        return (tuple(map(sum, zip(x, a.before, a.after, strict=True))),)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        x, y = bound.inputs[0], bound.outputs[0]
        return alike_problem([("input", x), ("output", y)]) or different_problem(x, y)

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        fill = cast(PadAttrs, bound.attrs).fill
        if is_float(bound):
            return Integers(PadNumbers(float(fill or 0.0)), (("input", 0),))
        quant = bound.outputs[0].quant
        assert quant  # checked by different_problem
        return Integers(PadNumbers(quant.zero_point if fill is None else fill), (("input", 0),))

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        a, n = cast(PadAttrs, workload.attrs), cast(PadNumbers, workload.numbers)
        amounts = list(zip(a.before, a.after, strict=True))
        return (np.pad(operands["input"], amounts, constant_values=n.fill),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        a = cast(PadAttrs, workload.attrs)
        x, y = workload.operand("input").shape, workload.operand("output").shape
        is_image = len(x) == 4 and x[0] == y[0] == 1 and x[3] == y[3]
        if not is_image:
            return Access(workload.operand("output").elements, (("input", Whole()),))
        # Padding is a window of one pixel over the padded image.
        window = Window((x[1], x[2], x[3]), y[2], (1, 1), padding=(a.before[1], a.before[2]))
        return Access(y[3], (("input", window),))

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        a, n = cast(PadAttrs, workload.attrs), cast(PadNumbers, workload.numbers)
        x, y = buffers_of(workload)
        dtype = promoted(x.dtype)
        loops = [(f"d{i}", extent) for i, extent in enumerate(y.shape)]
        source = [affine(v) - before for (v, _), before in zip(loops, a.before, strict=True)]
        padded = [i for i in range(len(loops)) if x.shape[i] != y.shape[i]]
        inside = [b.inside(source[i], x.shape[i]) for i in padded]
        body = b.nest(
            loops,
            Local("value", dtype, Literal(n.fill, dtype)),
            *b.when(inside, Assign("value", b.load(x, *source))),
            b.store(y, [v for v, _ in loops], Var("value")),
        )
        return LoopKernel("pad", (x, y), body)
