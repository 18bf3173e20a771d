"""Fully connected layers: a weight is read once, so that it stays data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel, KernelDef, outputs
from tinycc_ml.kernels.swar.column import fill_run
from tinycc_ml.kernels.swar.data_meaning import data_intrinsic
from tinycc_ml.kernels.swar.data_packing import (
    DataFilters,
    chunk_elements,
    data_filters,
    pack_data,
    padded,
)
from tinycc_ml.kernels.swar.data_tile import DataTile
from tinycc_ml.kernels.swar.layer import REQUIRES, Isa
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
from tinycc_ml.ops.convolution import ConvNumbers

#: Tenths of a cycle per multiply-accumulate, and cycles per output.
CYCLES: dict[Isa, tuple[int, int]] = {"thumb1": (38, 40), "thumb2": (28, 25)}


class FullyConnectedData(KernelDef):
    """One row of the input at a time, four filters at a time."""

    op = "fully_connected"

    def __init__(self, isa: Isa) -> None:
        self.isa = isa
        self.name = f"fully_connected_s8__{isa}_1x4"  # type: ignore[misc]
        self.requires = REQUIRES[isa]  # type: ignore[misc]

    def accepts(self, workload: Workload, constants: Sequence[Constant]) -> str | None:
        """See the base class."""
        found = data_filters(self.isa, _numbers(workload), constants)
        return found if isinstance(found, str) else None

    def build(self, workload: Workload, constants: Sequence[Constant]) -> Kernel:
        """See the base class."""
        tile, _ = self._tile(workload, constants)
        channels, k = workload.operand("weight").shape
        rows = workload.operand("output").elements // channels
        x = Buffer("input", DType.INT8, (rows, k), Role.INPUT)
        words = tile.groups * tile.group_words
        stream = Buffer("stream", DType.INT32, (words,), Role.CONSTANT)
        y = Buffer("output", DType.INT8, (rows, channels), Role.OUTPUT)
        column = Buffer("column", DType.INT32, (tile.column_words,), Role.SCRATCH)
        windows = (
            Argument(column.name, (affine(0),)),
            Argument(stream.name, (affine(0),)),
            Argument(y.name, (affine("row"), affine(0))),
        )
        body = b.nest(
            [("row", rows)],
            *fill_run(
                column, lambda at: (at,), lambda at: b.load(x, "row", at), k, tile.chunk, "chunk"
            ),
            CallIntrinsic(data_intrinsic(self.isa, tile), windows),
        )
        loops = LoopKernel(self.op, (x, stream, y, column), body)
        # A row is read before its outputs are written: earlier than promised.
        return Kernel(self.name, (), verify_kernel(loops), op(self.op).access(workload))

    def cycles(self, workload: Workload) -> int:
        """See the base class."""
        tenths, each = CYCLES[self.isa]
        return op(self.op).macs(workload) * tenths // 10 + each * outputs(workload)

    def pack(self, workload: Workload, constants: Sequence[Constant]) -> tuple[Constant, ...]:
        """See the base class."""
        tile, filters = self._tile(workload, constants)
        return (pack_data(filters, tile),)

    def _tile(
        self, workload: Workload, constants: Sequence[Constant]
    ) -> tuple[DataTile, DataFilters]:
        """The tile, and the filters in the order of its column."""
        numbers = _numbers(workload)
        filters = data_filters(self.isa, numbers, constants)
        assert not isinstance(filters, str)  # the layer is not refused
        weight = filters.weight[:, None]
        chunk = chunk_elements(weight)
        spread = padded(weight, chunk)
        tile = DataTile(
            len(weight),
            1,
            spread.shape[2] // chunk,
            chunk,
            0,
            filters.scales.shape[1],
            numbers.output_min,
            numbers.output_max,
            filters.corrects,
        )
        return tile, replace(filters, weight=spread[:, 0])


def _numbers(workload: Workload) -> ConvNumbers:
    return cast(ConvNumbers, workload.numbers)
