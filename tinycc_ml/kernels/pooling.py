"""Pooling as one call of a tile per output pixel, whatever the instruction set.

Windows that the border cuts have tiles of their own, so that no tile looks at the padding.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef
from tinycc_ml.kernels.pool_tile import PoolTile
from tinycc_ml.kernels.pool_windows import Segment, segments
from tinycc_ml.loopir import (
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    Intrinsic,
    LoopKernel,
    Role,
    Stmt,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Workload, op
from tinycc_ml.ops.pooling import Pool2DAttrs, PoolNumbers

#: Every way in which the border cuts windows is a function of its own.
_MAX_TILES = 9


class PoolKernel(KernelDef):
    """Each output pixel is a call of a tile; windows cut by the border have tiles of their own."""

    @abstractmethod
    def intrinsic(self, tile: PoolTile) -> Intrinsic:
        """The tile as an intrinsic with the parameters input and output."""

    @abstractmethod
    def problem(self, tile: PoolTile) -> str | None:
        """Why the tile cannot be computed, or ``None``."""

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        tiles = [_tile(workload, y, x) for y in _rows(workload) for x in _columns(workload)]
        if len(set(tiles)) > _MAX_TILES:
            return f"the border cuts windows in {len(set(tiles))} ways; allowed {_MAX_TILES}"
        return next(filter(None, map(self.problem, tiles)), None)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        _, *in_shape = workload.operand("input").shape
        _, *out_shape = workload.operand("output").shape
        buffers = (
            Buffer("input", DType.INT8, tuple(in_shape), Role.INPUT),
            Buffer("output", DType.INT8, tuple(out_shape), Role.OUTPUT),
        )
        loops = LoopKernel(self.op, buffers, tuple(self._body(workload)))
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def _body(self, workload: Workload) -> Iterator[Stmt]:
        stride = cast(Pool2DAttrs, workload.attrs).stride
        for number, y in enumerate(_rows(workload)):
            row, column = (f"{name}{number or ''}" for name in ("oy", "ox"))
            in_y, out_y = _places(row, y, stride[0])
            pixels: list[Stmt] = []
            for x in _columns(workload):
                in_x, out_x = _places(column, x, stride[1])
                call = CallIntrinsic(
                    self.intrinsic(_tile(workload, y, x)),
                    (
                        Argument("input", (in_y, in_x, affine(0))),
                        Argument("output", (out_y, out_x, affine(0))),
                    ),
                )
                pixels += _loop(column, x, (call,))
            yield from _loop(row, y, tuple(pixels))


def _rows(workload: Workload) -> tuple[Segment, ...]:
    a = cast(Pool2DAttrs, workload.attrs)
    size, out = workload.operand("input").shape[1], workload.operand("output").shape[1]
    return segments(out, size, a.kernel[0], a.stride[0], a.padding.top)


def _columns(workload: Workload) -> tuple[Segment, ...]:
    a = cast(Pool2DAttrs, workload.attrs)
    size, out = workload.operand("input").shape[2], workload.operand("output").shape[2]
    return segments(out, size, a.kernel[1], a.stride[1], a.padding.left)


def _tile(workload: Workload, y: Segment, x: Segment) -> PoolTile:
    n = cast(PoolNumbers, workload.numbers)
    _, _, width, channels = workload.operand("input").shape
    limits = (n.output_min, n.output_max)
    if x.taps == width:
        return PoolTile(channels, 1, y.taps * x.taps, 0, *limits)
    return PoolTile(channels, y.taps, x.taps, width * channels if y.taps > 1 else 0, *limits)


def _places(variable: str, segment: Segment, stride: int) -> tuple[Affine, Affine]:
    """First input and output index of a window along one axis."""
    index = affine(variable) if segment.count > 1 else affine(0)
    return index * stride + segment.start, index + segment.first


def _loop(variable: str, segment: Segment, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    return b.nest([(variable, segment.count)], *body) if segment.count > 1 else body
