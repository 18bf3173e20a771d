"""Elementwise multiplication of int8 tensors: under three instructions per element."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.mve.mul_code import HEAD_WORDS, MulTile, mul_intrinsic
from tinycc_ml.loopir import (
    Argument,
    Buffer,
    CallIntrinsic,
    LoopKernel,
    Role,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.mul import MulNumbers

#: Instructions of a vector of eight, and of a call.
_VECTOR, _CALL = 24, 24


class MulMve(KernelDef):
    """Inputs of equal shapes, or one with the last dimensions of the other; any activation."""

    name = "mul_s8__mve_8"
    op = "mul"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        n = cast(MulNumbers, workload.numbers)
        if not -31 <= n.shift <= 0:
            return f"the product is shifted by {n.shift}; allowed -31 ... 0"
        shapes = [type_.shape for _, type_ in workload.inputs]
        target = workload.operand("output").shape
        if not all(_is_repeated(shape, target) for shape in shapes):
            return (
                f"shapes {shapes} are broadcast; allowed are equal ones, and one that has "
                "the last dimensions of the other"
            )
        return None

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        n = cast(MulNumbers, workload.numbers)
        elements = min(type_.elements for _, type_ in workload.inputs)
        turns = outputs(workload) // elements
        # Ties of negative numbers matter unless they are clamped, or nothing is divided.
        corrects_sign = n.output_min < n.output_zero_point and n.shift < 0
        tile = MulTile(elements, n.output_min, n.output_max, corrects_sign)
        buffers = (
            *(
                Buffer(role, DType.INT8, (type_.elements,), Role.INPUT)
                for role, type_ in workload.inputs
            ),
            Buffer("numbers", DType.INT32, (HEAD_WORDS,), Role.CONSTANT),
            Buffer("output", DType.INT8, (turns * elements,), Role.OUTPUT),
        )
        arguments = tuple(
            Argument(
                buffer.name,
                (affine("i") * elements if buffer.elements > elements else affine(0),),
            )
            if buffer.role is not Role.CONSTANT
            else Argument(buffer.name, (affine(0),))
            for buffer in buffers
        )
        body = b.nest([("i", turns)], CallIntrinsic(mul_intrinsic(tile), arguments))
        loops = verify_kernel(LoopKernel(self.op, buffers, body))
        # Eight elements are read before they are written: earlier than promised.
        return Kernel(self.name, (), loops, op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        elements = min(type_.elements for _, type_ in workload.inputs)
        return outputs(workload) // elements * (-(-elements // 8) * _VECTOR + _CALL)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        n = cast(MulNumbers, workload.numbers)
        zeros = (n.input0_zero_point, n.input1_zero_point)
        words = [*zeros, n.multiplier, n.shift, n.output_zero_point]
        return (Constant(np.array(words, np.int32)),)


def _is_repeated(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether a tensor is one of the shape, repeated along its first dimensions."""
    inner = shape[next((i for i, size in enumerate(shape) if size > 1), len(shape)) :]
    return target[len(target) - len(inner) :] == inner
