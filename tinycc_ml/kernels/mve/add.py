"""Elementwise addition of int8 tensors by tables: three or four instructions per element.

An input has 256 values, so that its scaled contribution to the sum is looked up, four at a time; of
TensorFlow Lite's arithmetic remains the requantization of the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.mve.add_assembly import TABLE_WORDS, AddTile, add_intrinsic
from tinycc_ml.loopir import (
    Argument,
    Buffer,
    CallIntrinsic,
    LoopKernel,
    Role,
    affine,
    verify_kernel,
)
from tinycc_ml.numerics.fixed_point import INT32_MAX, INT32_MIN
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.rescaling import RescaledNumbers, scale_input

_VALUES = np.arange(-128, 128)


class AddMve(KernelDef):
    """Inputs of equal shapes; any activation."""

    name = "add_s8__mve_table"
    op = "add"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        n = cast(RescaledNumbers, workload.numbers)
        shapes = {type_.shape for _, type_ in (*workload.inputs, *workload.outputs)}
        if len(shapes) > 1:
            return f"shapes {sorted(shapes)} are broadcast; allowed are equal ones"
        if not -31 <= n.output.shift <= 0:
            return f"the sum is shifted by {n.output.shift}; allowed -31 ... 0"
        first, second = _tables(n)
        low, high = first.min() + second.min(), first.max() + second.max()
        bounds = (low, high, first.min(), second.min(), first.max(), second.max())
        if min(bounds) < INT32_MIN or max(bounds) > INT32_MAX:
            return "sums can exceed int32"
        return None

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        n, elements = cast(RescaledNumbers, workload.numbers), workload.operand("output").elements
        # Ties of negative numbers matter unless they are clamped, or nothing is divided.
        corrects_sign = n.output_min < n.output.offset and n.output.shift < 0
        tile = AddTile(elements, n.output_min, n.output_max, corrects_sign)
        buffers = (
            Buffer("input0", DType.INT8, (elements,), Role.INPUT),
            Buffer("input1", DType.INT8, (elements,), Role.INPUT),
            Buffer("tables", DType.INT32, (TABLE_WORDS,), Role.CONSTANT),
            Buffer("output", DType.INT8, (elements,), Role.OUTPUT),
        )
        arguments = tuple(Argument(buffer.name, (affine(0),)) for buffer in buffers)
        loops = LoopKernel(self.op, buffers, (CallIntrinsic(add_intrinsic(tile), arguments),))
        # Four elements are read before they are written: earlier than promised.
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        # A look-up of four words takes a cycle for each.
        return 8 * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        n = cast(RescaledNumbers, workload.numbers)
        head = [n.output.multiplier, n.output.shift, n.output.offset, 0]
        words = np.concatenate([head, *_tables(n)])
        return (Constant(words.astype(np.int32)),)


def _tables(n: RescaledNumbers) -> tuple[Array, Array]:
    """What each value of each input, from -128 on, adds to the sum."""
    return scale_input(_VALUES, n.input0), scale_input(_VALUES, n.input1)
