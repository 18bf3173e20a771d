"""Convolutions whose weights are code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.swar.code_meaning import code_intrinsic
from tinycc_ml.kernels.swar.code_tile import CodeTile, Group, group_sizes
from tinycc_ml.kernels.swar.layer import (
    REQUIRES,
    Filters,
    Isa,
    filters_of,
    folded_bias,
)
from tinycc_ml.kernels.swar.pairs import Pairs, Zone, fill, repeat, rows_of_pixels, word
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    Intrinsic,
    LoopKernel,
    Role,
    Stmt,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Access, Whole, Workload, op

#: Of the plane, if there are rows to leave out.
PLANE_LIMIT_BYTES = 12 * 1024
_WORD_BYTES = 4
#: Tenths of a cycle per multiply-accumulate, and cycles per output: sums and requantization.
_CYCLES: dict[Isa, tuple[int, int]] = {"thumb1": (21, 24), "thumb2": (16, 14)}


class Conv2DCode(KernelDef):
    """Any kernel size, stride, dilation and padding; any number of channels."""

    op = "conv2d"

    def __init__(self, isa: Isa) -> None:
        self.isa = isa
        self.name = f"conv2d_s8_code__{isa}_2x3"  # type: ignore[misc]
        self.requires = REQUIRES[isa]  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        shape = ConvShape.of(workload)
        found = filters_of(self.isa, shape.numbers, constants, 0)
        bias = folded_bias(shape.numbers, constants, 0)
        problems = (Pairs(shape).problem(), found, bias)
        return next((problem for problem in problems if isinstance(problem, str)), None)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        loops = _Loops(self.isa, ConvShape.of(workload), constants).kernel()
        whole = Access(workload.operand("output").elements, (("input", Whole()),))
        return Kernel(self.name, (), verify_kernel(loops), whole)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        tenths, each = _CYCLES[self.isa]
        packing = 4 * workload.operand("input").elements
        return op(self.op).macs(workload) * tenths // 10 + each * outputs(workload) + packing

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return ()


class _Loops:
    """Blocks of rows: a plane, then its rows of pairs."""

    def __init__(self, isa: Isa, shape: ConvShape, constants: Sequence[Constant]) -> None:
        self.pairs = Pairs(rows_of_pixels(shape))
        self.shape = s = self.pairs.shape
        filters = filters_of(isa, s.numbers, constants, 0)
        assert not isinstance(filters, str)  # the layer is not refused
        self.row_words = self.pairs.columns * s.in_channels
        self.block = self._block_rows()
        self.intrinsic = self._intrinsic(isa, filters, constants)
        self.x = Buffer(
            "input", DType.INT8, (s.in_size[0], s.in_size[1] * s.in_channels), Role.INPUT
        )
        self.y = Buffer("output", DType.INT8, (*s.out_size, s.out_channels), Role.OUTPUT)
        rows = self.pairs.plane_rows(self.block)
        self.plane = Buffer("plane", DType.INT32, (rows, self.row_words), Role.SCRATCH)

    def kernel(self) -> LoopKernel:
        """The function."""
        blocks, rest = divmod(self.pairs.rows, self.block)
        body = self.pad()
        first = affine("block") * self.block
        body += b.nest([("block", blocks)], *self.rows(first, self.block, ""))
        if rest:
            body += self.rows(affine(blocks * self.block), rest, "_last")
        return LoopKernel("conv2d", (self.x, self.y, self.plane), body)

    def _block_rows(self) -> int:
        """As many as fit the plane's limit, in blocks that are as equal as can be."""
        rows = self.pairs.rows
        fitting = next(
            n
            for n in range(rows, 0, -1)
            if n == 1
            or self.pairs.plane_rows(n) * self.row_words * _WORD_BYTES <= PLANE_LIMIT_BYTES
        )
        return -(-rows // -(-rows // fitting))

    def _intrinsic(self, isa: Isa, filters: Filters, constants: Sequence[Constant]) -> Intrinsic:
        s, pairs = self.shape, self.pairs
        width, channels = s.out_size[1], s.out_channels
        weight = spread(filters.weight.reshape(channels, *s.kernel, s.in_channels), s.dilation)
        spans = pairs.spans
        run, stride = spans[1] * s.in_channels, self.row_words
        # Columns that follow each other without a gap are one run.
        runs, run = (1, spans[0] * run) if run == stride else (spans[0], run)
        taps = weight.reshape(channels, -1)
        tile = CodeTile(
            tuple(_groups(filters, taps)),
            False,
            width,
            runs,
            run,
            stride if runs > 1 else 0,
            s.stride[1] * s.in_channels,
            channels,
            pairs.distance * width * channels,
            1,
            s.numbers.output_min,
            s.numbers.output_max,
        )
        spread_weight = spread(constants[0].array, s.dilation)
        return code_intrinsic(isa, tile, s.numbers, (Constant(spread_weight), *constants[1:]), 0)

    def pad(self) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        s, pairs, value = self.shape, self.pairs, self.pairs.padding_word
        left = s.padding[1] * s.in_channels
        end = left + pairs.inner_columns * s.in_channels
        body = fill(self.plane, ("pad_row", 0), min(left, self.row_words), value, "left")
        body += fill(self.plane, ("pad_row", end), self.row_words - end, value, "right")
        return (For("pad_row", self.plane.shape[0], body),) if body else ()

    def rows(self, first: Affine, rows: int, suffix: str) -> tuple[Stmt, ...]:
        """Fills the plane for some rows of pairs, and computes them."""
        s = self.shape
        row, pair_row = f"row{suffix}", f"pair_row{suffix}"
        extents = {row: self.pairs.plane_rows(rows)}
        if first.variables:
            extents["block"] = self.pairs.rows // self.block
        loads = tuple(
            stmt
            for i, zone in enumerate(self.pairs.zones(first, affine(row), extents))
            for stmt in b.when(zone.conditions, *self.load(zone, row, f"i{suffix}_{i}"))
        )
        columns: tuple[AffineLike, ...] = (affine(pair_row) * s.stride[0], 0)
        output: tuple[AffineLike, ...] = (first + affine(pair_row), 0, 0)
        call = CallIntrinsic(
            self.intrinsic,
            (
                Argument("plane", tuple(map(affine, columns))),
                Argument("output", tuple(map(affine, output))),
            ),
        )
        return (For(row, extents[row], loads), For(pair_row, rows, (call,)))

    def load(self, zone: Zone, row: str, name: str) -> tuple[Stmt, ...]:
        """One row of the plane."""
        s = self.shape
        left, zero = s.padding[1] * s.in_channels, s.numbers.input_zero_point

        def one(offset: AffineLike) -> Stmt:
            value = word(zone, self.x, zero, lambda iy: (iy, affine(offset)))
            return b.store(self.plane, (row, affine(offset) + left), value)

        return repeat(one, self.pairs.inner_columns * s.in_channels, name)


def spread(weight: Array, dilation: tuple[int, int]) -> Array:
    """A dilated kernel (O, height, width, I) as a larger one with zeros, which cost nothing."""
    out, height, width, channels = weight.shape
    spans = [(k - 1) * d + 1 for k, d in zip((height, width), dilation, strict=True)]
    spread_ = np.zeros((out, *spans, channels), weight.dtype)
    spread_[:, :: dilation[0], :: dilation[1]] = weight
    return spread_


def _groups(filters: Filters, weight: Array) -> Iterator[Group]:
    first = 0
    for size in group_sizes(len(weight)):
        channels = range(first, first + size)
        yield Group(tuple(filters.filter(c, weight[c]) for c in channels), first)
        first += size
