"""Depthwise convolutions whose weights are code.

The tile for dense filters serves here too: the filters that share a column are outputs of one
channel that lie above each other, each with the same taps, shifted by the stride. The plane holds
one channel, column by column, so that a column of the kernel is one run.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.swar.code_meaning import code_intrinsic
from tinycc_ml.kernels.swar.code_tile import FILTERS, CodeTile, Group
from tinycc_ml.kernels.swar.conv2d_code import spread
from tinycc_ml.kernels.swar.layer import REQUIRES, Filters, Isa, filters_of, folded_bias
from tinycc_ml.kernels.swar.pairs import Pairs, Zone, fill, repeat, word
from tinycc_ml.kernels.swar.thumb2 import OFFSET_LIMIT
from tinycc_ml.loopir import (
    Affine,
    AffineLike,
    Argument,
    Buffer,
    CallIntrinsic,
    For,
    LoopKernel,
    Role,
    Stmt,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops import Access, Whole, Workload, op

_AXIS = 3
#: Of one channel's plane.
PLANE_LIMIT_BYTES = 32 * 1024
#: Tenths of a cycle per multiply-accumulate, and cycles per output: sums; requantization, packing.
_CYCLES: dict[Isa, tuple[int, int]] = {"thumb1": (36, 36), "thumb2": (26, 24)}


class DepthwiseCode(KernelDef):
    """One filter per channel; any kernel size, stride, dilation and padding."""

    op = "depthwise_conv2d"

    def __init__(self, isa: Isa) -> None:
        self.isa = isa
        self.name = f"depthwise_conv2d_s8_code__{isa}_2x3"  # type: ignore[misc]
        self.requires = REQUIRES[isa]  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        channels = workload.operand("input").shape[3]
        filters = workload.operand("output").shape[3]
        if filters != channels:
            return f"{filters // channels} filters per channel; allowed 1"
        shape = ConvShape.of(workload)
        pairs = Pairs(shape)
        size = 4 * pairs.columns * pairs.plane_rows(pairs.rows)
        if size > PLANE_LIMIT_BYTES:
            return f"a channel's plane has {size} bytes; allowed {PLANE_LIMIT_BYTES}"
        found = filters_of(self.isa, shape.numbers, constants, _AXIS)
        bias = folded_bias(shape.numbers, constants, _AXIS)
        problems = (pairs.problem(), found, bias)
        return next((problem for problem in problems if isinstance(problem, str)), None)

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        loops = _Loops(self.isa, workload, constants).kernel()
        whole = Access(workload.operand("output").elements, (("input", Whole()),))
        return Kernel(self.name, (), verify_kernel(loops), whole)

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        tenths, each = _CYCLES[self.isa]
        return op(self.op).macs(workload) * tenths // 10 + each * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        return (Constant(np.arange(workload.operand("output").shape[_AXIS], dtype=np.int32)),)


class _Loops:
    """For each channel: its plane, then groups of rows of pairs."""

    def __init__(self, isa: Isa, workload: Workload, constants: Sequence[Constant]) -> None:
        self.shape = s = ConvShape.of(workload)
        self.channels = s.in_channels
        self.pairs = Pairs(s)
        filters = filters_of(isa, s.numbers, constants, _AXIS)
        assert not isinstance(filters, str)  # the layer is not refused
        self.x = Buffer("input", DType.INT8, (*s.in_size, self.channels), Role.INPUT)
        self.numbers = Buffer("numbers", DType.INT32, (self.channels,), Role.CONSTANT)
        self.y = Buffer("output", DType.INT8, (*s.out_size, self.channels), Role.OUTPUT)
        self.height = self.pairs.plane_rows(self.pairs.rows)
        shape = (self.pairs.columns, self.height)
        self.plane = Buffer("plane", DType.INT32, shape, Role.SCRATCH)
        self.filters = self._filters_at_once()
        taps = np.moveaxis(constants[0].array, _AXIS, 0)[:, 0]
        weight = Constant(spread(taps[..., None], s.dilation))
        tile = self._tile(filters)
        self.intrinsic = code_intrinsic(isa, tile, s.numbers, (weight, *constants[1:]), 0)

    def _filters_at_once(self) -> int:
        """As many rows as a column can serve, if no row is computed twice for it."""
        rows = self.pairs.rows
        reach = max(1, 1 + OFFSET_LIMIT // (self.shape.out_size[1] * self.channels))
        limit = min(FILTERS, rows, reach)
        # A group costs about half of its filters' work again.
        return min(range(limit, 0, -1), key=lambda n: -(-rows // n) * (2 * n + 1))

    def _tile(self, filters: Filters) -> CodeTile:
        s, pairs = self.shape, self.pairs
        row_bytes = s.out_size[1] * self.channels
        spans = pairs.spans
        run = pairs.plane_rows(self.filters)
        groups = []
        for channel in range(self.channels):
            taps = filters.weight[channel].reshape(1, *s.kernel, 1)
            kernel = spread(taps, s.dilation)[0, :, :, 0]
            shifted = (self._shifted(kernel, row, run) for row in range(self.filters))
            groups.append(Group(tuple(filters.filter(channel, w) for w in shifted), channel))
        return CodeTile(
            tuple(groups),
            True,
            s.out_size[1],
            spans[1],
            run,
            self.height,
            s.stride[1] * self.height,
            self.channels,
            pairs.distance * row_bytes,
            row_bytes,
            s.numbers.output_min,
            s.numbers.output_max,
        )

    def _shifted(self, kernel: Array, row: int, run: int) -> Array:
        """The weights of an output so many rows further, column by column of the kernel."""
        placed = np.zeros((run, kernel.shape[1]), np.int64)
        first = row * self.shape.stride[0]
        placed[first : first + len(kernel)] = kernel
        return placed.T.reshape(-1)

    def kernel(self) -> LoopKernel:
        """The function."""
        zero = affine(0)
        extents = {"row": self.height}
        zones = tuple(self.pairs.zones(zero, affine("row"), extents))
        loads = tuple(
            stmt
            for i, zone in enumerate(zones)
            for stmt in b.when(zone.conditions, *self.load(zone, f"i_{i}"))
        )
        groups, rest = divmod(self.pairs.rows, self.filters)
        calls = b.nest([("group", groups)], self.call(affine("group") * self.filters))
        if rest:
            # Some rows are computed once more.
            calls += (self.call(affine(self.pairs.rows - self.filters)),)
        channel = For("channel", self.channels, (For("row", self.height, loads), *calls))
        body = (*self.pad(), channel)
        return LoopKernel("depthwise_conv2d", (self.x, self.numbers, self.y, self.plane), body)

    def pad(self) -> tuple[Stmt, ...]:
        """The padding left and right: written once, as nothing else is ever stored there."""
        s, pairs, value = self.shape, self.pairs, self.pairs.padding_word
        left = min(s.padding[1], pairs.columns)
        flat = Buffer(self.plane.name, self.plane.dtype, self.plane.shape, Role.SCRATCH)
        end = s.padding[1] + pairs.inner_columns
        body: tuple[Stmt, ...] = ()
        for name, start, columns in (("left", 0, left), ("right", end, pairs.columns - end)):
            if columns > 0:
                column = affine(f"{name}_column") + start
                inner = fill(flat, (column, 0), self.height, value, name)
                body += (For(f"{name}_column", columns, inner),)
        return body

    def load(self, zone: Zone, name: str) -> tuple[Stmt, ...]:
        """One row of the channel's plane."""
        s = self.shape

        def one(offset: AffineLike) -> Stmt:
            column = affine(offset)
            value = word(
                zone, self.x, s.numbers.input_zero_point, lambda iy: (iy, column, "channel")
            )
            return b.store(self.plane, (column + s.padding[1], "row"), value)

        return repeat(one, self.pairs.inner_columns, name)

    def call(self, first: Affine) -> Stmt:
        """A group of rows of pairs."""
        windows: tuple[tuple[str, tuple[AffineLike, ...]], ...] = (
            ("plane", (0, first * self.shape.stride[0])),
            ("numbers", ("channel",)),
            ("output", (first, 0, "channel")),
        )
        arguments = (Argument(name, tuple(map(affine, start))) for name, start in windows)
        return CallIntrinsic(self.intrinsic, tuple(arguments))
