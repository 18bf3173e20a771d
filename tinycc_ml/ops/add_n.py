"""Sum of several operands of one shape and quantization.

``output = input0 + input1 + ...``. In integers TensorFlow Lite Micro also adds the zero point's
share once more, scaled like an input of real 0 less the zero point; so does this operator.

Source: TensorFlow Lite ADD_N, ONNX Sum; integers as in TensorFlow Lite Micro's ``add_n.cc`` and
``reference/add_n.h``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array, OpAttrs, TensorType
from tinycc_ml.loopir import Expr, LoopKernel
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.access import Access
from tinycc_ml.ops.base import BoundNode, Integers, OpDef, Workload
from tinycc_ml.ops.broadcast import broadcast_access, broadcast_kernel
from tinycc_ml.ops.floats import FloatNumbers, float_problem, is_float
from tinycc_ml.ops.int8_checks import int8_problem
from tinycc_ml.ops.quantized import integers_problem
from tinycc_ml.ops.registry import register
from tinycc_ml.ops.rescaling import (
    SUM_LEFT_SHIFT,
    RescaledNumbers,
    Scaling,
    scale_input,
    scale_output,
    scaled_input,
    scaled_output,
    smaller_than_one,
)

# Each takes 27 bits.
_MOST_INTEGERS = 14


@register
class AddN(OpDef):
    """Inputs: two or more tensors of one shape. Output: the same shape."""

    name = "add_n"
    summary = "sum of several operands of one shape"
    dtypes = ("int8", "float32")
    is_elementwise = True

    def infer(self, attrs: OpAttrs, inputs: Sequence[TensorType]) -> tuple[tuple[int, ...], ...]:
        """See the base class."""
        shapes = {x.shape for x in inputs}
        if len(shapes) != 1:
            raise UnsupportedError(f"shapes {sorted(shapes)}; allowed are equal ones")
        return (inputs[0].shape,)

    def check(self, bound: BoundNode) -> str | None:
        """See the base class."""
        if is_float(bound):
            return float_problem(bound)
        first = bound.inputs[0]
        if len(bound.inputs) > _MOST_INTEGERS:
            return f"{len(bound.inputs)} integer operands; allowed up to {_MOST_INTEGERS}"
        if any((x.dtype, x.quant) != (first.dtype, first.quant) for x in bound.inputs):
            return "operands of different types or quantization; allowed are equal ones"
        return (
            int8_problem("input", first)
            or int8_problem("output", bound.outputs[0])
            or integers_problem(self.integerize, bound)
        )

    def integerize(self, bound: BoundNode) -> Integers:
        """See the base class."""
        operands = tuple((f"input{i}", i) for i in range(len(bound.inputs)))
        if is_float(bound):
            return Integers(FloatNumbers(), operands)
        x, y = bound.inputs[0].quant, bound.outputs[0].quant
        assert x and y  # checked by check
        unit = 2 * x.scale
        scaling = Scaling(-x.zero_point, *smaller_than_one(x.scale / unit))
        factor = smaller_than_one(unit / ((1 << SUM_LEFT_SHIFT) * y.scale))
        output = Scaling(y.zero_point, *factor)
        limits = DType.INT8.min, DType.INT8.max
        return Integers(RescaledNumbers(scaling, scaling, output, *limits), operands)

    def reference(self, workload: Workload, operands: Mapping[str, Array]) -> tuple[Array, ...]:
        """See the base class."""
        arrays, n = [operands[role] for role, _ in workload.inputs], workload.numbers
        if isinstance(n, FloatNumbers):
            return (reduce(np.add, arrays),)
        n = cast(RescaledNumbers, n)
        total = scale_input(np.zeros_like(arrays[0]), n.input0)
        for array in arrays:
            total = total + scale_input(array, n.input0)
        return (scale_output(total, n),)

    def access(self, workload: Workload) -> Access:
        """See the base class."""
        return broadcast_access(workload)

    def lower(self, workload: Workload) -> LoopKernel:
        """See the base class."""
        n = workload.numbers
        if isinstance(n, FloatNumbers):
            return broadcast_kernel(workload, lambda *values: reduce(b.add, values))
        numbers = cast(RescaledNumbers, n)
        once_more = int(scale_input(np.zeros((), np.int8), numbers.input0))

        def value(*values: Expr) -> Expr:
            scaled = (scaled_input(x, numbers.input0) for x in values)
            return scaled_output(b.add(reduce(b.add, scaled), once_more), numbers)

        return broadcast_kernel(workload, value)
