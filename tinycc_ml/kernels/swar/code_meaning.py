"""What a code tile computes, as loop IR: its fallback in C, and what host builds run.

The weights are tables of the meaning, as the assembly holds them in its instructions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array, Constant
from tinycc_ml.kernels.swar.code_assembly import PLAN
from tinycc_ml.kernels.swar.code_tile import CodeTile
from tinycc_ml.kernels.swar.layer import Isa, folded_bias
from tinycc_ml.kernels.swar.thumb1 import Thumb1Assembler
from tinycc_ml.kernels.swar.thumb2 import Thumb2Assembler
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Buffer,
    Expr,
    Intrinsic,
    Local,
    Lookup,
    LoopKernel,
    Role,
    Stmt,
    Table,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.convolution import ConvNumbers

_ASSEMBLERS = {"thumb1": Thumb1Assembler, "thumb2": Thumb2Assembler}


def code_intrinsic(
    isa: Isa, tile: CodeTile, numbers: ConvNumbers, constants: Sequence[Constant], axis: int
) -> Intrinsic:
    """The tile as an intrinsic with the parameters columns, number (if by number), output.

    Args:
        isa: The instruction set.
        tile: What the assembly is made from.
        numbers: The layer's literals.
        constants: Weight, bias, multiplier, shift: what the meaning is made from.
        axis: The weight's dimension with one index per output channel.
    """
    meaning = _Meaning(tile, numbers, constants, axis)
    digest = hashlib.sha256(repr((isa, tile)).encode()).hexdigest()[:12]
    filters = len(meaning.weight)
    size = tile.runs * tile.run
    return Intrinsic(
        f"{'depthwise' if tile.by_number else 'conv'}_code_s8__{isa}_{digest}",
        LoopKernel("code", meaning.buffers(), tuple(meaning.body())),
        isa,
        _ASSEMBLERS[isa](tile).run(),
        (
            f"{tile.pairs} pairs of pixels, {filters} filters of {size} weights, which are part of "
            "the code: sums, requantization and stores.",
            *PLAN,
        ),
        meaning.tables(),
    )


class _Meaning:
    """Channel by channel, with the weights as they were imported."""

    def __init__(
        self, tile: CodeTile, numbers: ConvNumbers, constants: Sequence[Constant], axis: int
    ) -> None:
        self.tile = tile
        self.numbers = numbers
        weight, _, multiplier, shift = (constant.array for constant in constants)
        self.weight: Array = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
        folded = folded_bias(numbers, constants, axis)
        assert not isinstance(folded, str)  # the layer is not refused
        self.data = {
            "weight": tuple(self.weight.reshape(-1).tolist()),
            "bias": folded,
            "multiplier": tuple(multiplier.tolist()),
            "shift": tuple(shift.tolist()),
        }
        self.columns = Buffer("columns", DType.INT32, (tile.column_words,), Role.INPUT)
        self.number = Buffer("number", DType.INT32, (1,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.output_bytes,), Role.OUTPUT)

    def buffers(self) -> tuple[Buffer, ...]:
        """Parameters, then tables."""
        number = (self.number,) if self.tile.by_number else ()
        types = {"weight": DType.INT8, "shift": DType.INT8}
        tables = (
            Buffer(name, types.get(name, DType.INT32), (len(values),), Role.CONSTANT)
            for name, values in self.data.items()
        )
        return (self.columns, *number, self.output, *tables)

    def tables(self) -> tuple[Table, ...]:
        """The constants."""
        return tuple(Table(name, values) for name, values in self.data.items())

    def body(self) -> Iterator[Stmt]:
        """The loops."""
        tile = self.tile
        start = affine("pair") * tile.pair_words
        output = affine("pair") * tile.pair_bytes
        if tile.by_number:
            number = b.load(self.number, 0)
            yield Local("channel", DType.INT32, number)
            inner = self.depthwise(start, output)
        else:
            inner = self.dense(start, output)
        yield from b.nest([("pair", tile.pairs)], *inner)

    def dense(self, start: Affine, output: Affine) -> tuple[Stmt, ...]:
        """All filters of a pair."""
        tile = self.tile
        column = start + affine("run") * tile.run_stride + affine("i")
        at = (affine("filter") * tile.runs + affine("run")) * tile.run + affine("i")
        word, weight = b.load(self.columns, column), self.load("weight", at)
        sums = (
            Accumulate("first", b.mul(b.call("pair_low", word), weight)),
            Accumulate("second", b.mul(b.call("pair_high", word), weight)),
        )
        scale = [self.load(n, self.index(n, affine("filter"))) for n in ("multiplier", "shift")]
        bias = self.load("bias", affine("filter"))
        body = (
            Local("first", DType.INT32, bias),
            Local("second", DType.INT32, bias),
            *b.nest([("run", tile.runs), ("i", tile.run)], *sums),
            self.store("first", scale, output + affine("filter")),
            self.store("second", scale, output + affine("filter") + tile.second),
        )
        return b.nest([("filter", len(self.weight))], *body)

    def depthwise(self, start: Affine, output: Affine) -> tuple[Stmt, ...]:
        """All outputs of a channel for a pair: filters that lie above each other."""
        tile = self.tile
        filters = len(tile.groups[0].filters)
        columns = tile.runs
        rows = self.weight.shape[1] // columns
        step = (tile.run - rows) // (filters - 1) if filters > 1 else 0
        scale = [self.lookup(name) for name in ("multiplier", "shift")]
        names = ("first", "second")
        sums = []
        for row in range(rows):
            for column in range(columns):
                tap = row * columns + column
                at = start + column * tile.run_stride + affine("filter") * step + row
                weight = Lookup("weight", b.add(b.mul(Var("channel"), rows * columns), tap))
                word = b.load(self.columns, at)
                for name, half in zip(names, ("pair_low", "pair_high"), strict=True):
                    sums.append(Accumulate(name, b.mul(b.call(half, word), weight)))
        at = output + affine("filter") * tile.filter_bytes
        body = (
            *(Local(name, DType.INT32, self.lookup("bias")) for name in names),
            *sums,
            self.store("first", scale, at),
            self.store("second", scale, at + tile.second),
        )
        return b.nest([("filter", filters)], *body)

    def index(self, name: str, channel: Affine) -> Affine:
        """Of a channel's constant; 0 where the layer has one for all."""
        return channel if len(self.data[name]) > 1 else affine(0)

    def load(self, name: str, at: Affine) -> Expr:
        """An element of a table."""
        return b.load(Buffer(name, DType.INT32, (1,), Role.CONSTANT), at)

    def lookup(self, name: str) -> Expr:
        """The current channel's element of a table."""
        if len(self.data[name]) == 1:
            return self.load(name, affine(0))
        return Lookup(name, Var("channel"))

    def store(self, name: str, scale: list[Expr], at: Affine) -> Stmt:
        """Requantizes a sum."""
        n = self.numbers
        scaled = b.add(b.call("requantize", Var(name), *scale), n.output_zero_point)
        return b.store(self.output, (at,), b.clamp(scaled, n.output_min, n.output_max))
