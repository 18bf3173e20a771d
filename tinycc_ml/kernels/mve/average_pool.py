"""Average pooling, eight channels at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.mve.average_pool_assembly import pool_intrinsic, pool_problem
from tinycc_ml.kernels.pool_tile import PoolTile
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
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers


class AveragePool2DMve(KernelDef):
    """Windows of 2 to 256 pixels without padding; any number of channels, any activation."""

    name = "average_pool2d_s8__mve_8"
    op = "average_pool2d"
    requires = frozenset({"mve"})

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        a = cast(Pool2DAttrs, workload.attrs)
        if not a.padding.is_empty:
            return f"padding {a.padding}; allowed none"
        return pool_problem(_tile(workload))

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        a, tile = cast(Pool2DAttrs, workload.attrs), _tile(workload)
        _, *in_shape = workload.operand("input").shape
        _, out_h, out_w, channels = workload.operand("output").shape
        buffers = (
            Buffer("input", DType.INT8, tuple(in_shape), Role.INPUT),
            Buffer("output", DType.INT8, (out_h, out_w, channels), Role.OUTPUT),
        )
        source = (affine("oy") * a.stride[0], affine("ox") * a.stride[1], affine(0))
        target = (affine("oy"), affine("ox"), affine(0))
        call = CallIntrinsic(
            pool_intrinsic(tile), (Argument("input", source), Argument("output", target))
        )
        loops = LoopKernel(self.op, buffers, b.nest([("oy", out_h), ("ox", out_w)], call))
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        window = prod(cast(Pool2DAttrs, workload.attrs).kernel)
        return outputs(workload) * (window + 8) * 2 // 5


def _tile(workload: Workload) -> PoolTile:
    height, width = cast(Pool2DAttrs, workload.attrs).kernel
    n = cast(PoolNumbers, workload.numbers)
    _, _, in_w, channels = workload.operand("input").shape
    if width == in_w or height == 1:
        return PoolTile(channels, 1, height * width, 0, n.output_min, n.output_max)
    return PoolTile(channels, height, width, in_w * channels, n.output_min, n.output_max)
