"""Means and sums over neighbouring dimensions before the last one, eight sums at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.mve.mean_code import HEAD_WORDS, MeanTile, mean_intrinsic
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
from tinycc_ml.ops.mean import MeanAttrs, MeanNumbers

#: Instructions of a vector of a row, of a vector besides, and of a call.
_ROW, _VECTOR, _CALL = 3, 24, 24


class _ReduceMve(KernelDef):
    """Sums over the rows of images, as global average pooling has them."""

    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        n = cast(MeanNumbers, workload.numbers)
        axes = cast(MeanAttrs, workload.attrs).axes
        if not -31 <= n.shift <= 0:
            return f"sums are shifted by {n.shift}; allowed -31 ... 0"
        if _image(workload) is None:
            return f"axes {axes}; allowed are neighbours without the last dimension"
        return None

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        n, image = cast(MeanNumbers, workload.numbers), _image(workload)
        assert image  # accepted
        outer, rows, columns = image
        # Ties of negative numbers matter unless they are clamped, or nothing is divided.
        tile = MeanTile(rows, columns, n.output_zero_point > -128 and n.shift < 0)
        buffers = (
            Buffer("input", DType.INT8, image, Role.INPUT),
            Buffer("numbers", DType.INT32, (HEAD_WORDS,), Role.CONSTANT),
            Buffer("output", DType.INT8, (outer, columns), Role.OUTPUT),
        )
        arguments = (
            Argument("input", (affine("i"), affine(0), affine(0))),
            Argument("numbers", (affine(0),)),
            Argument("output", (affine("i"), affine(0))),
        )
        body = b.nest([("i", outer)], CallIntrinsic(mean_intrinsic(tile), arguments))
        loops = verify_kernel(LoopKernel(self.op, buffers, body))
        return Kernel(self.name, (), loops, op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        image = _image(workload)
        assert image  # accepted
        outer, rows, columns = image
        return outer * (-(-columns // 8) * (rows * _ROW + _VECTOR) + _CALL)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        n = cast(MeanNumbers, workload.numbers)
        words = [n.offset, n.multiplier, n.shift, n.output_zero_point]
        return (Constant(np.array(words, np.int32)),)


class MeanMve(_ReduceMve):
    """The mean; the division is part of the multiplier."""

    name = "mean_s8__mve_8"
    op = "mean"


class SumMve(_ReduceMve):
    """The sum."""

    name = "sum_s8__mve_8"
    op = "sum"


def _image(workload: Workload) -> tuple[int, int, int] | None:
    """Elements before the axes, along them and behind them, if the axes are neighbours."""
    shape = workload.operand("input").shape
    axes = [i for i in cast(MeanAttrs, workload.attrs).axes if shape[i] > 1]
    if not axes:
        return None
    first, last = axes[0], axes[-1] + 1
    inner = prod(shape[last:])
    if prod(shape[first:last]) != prod(shape[i] for i in axes) or inner == 1:
        return None
    return prod(shape[:first]), prod(shape[first:last]), inner
