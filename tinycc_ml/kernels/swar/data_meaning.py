"""What a data tile computes, as loop IR; it reads the same column and the same stream."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.swar.data_assembly import DataAssembler
from tinycc_ml.kernels.swar.data_thumb1 import PLAN as PLAN1
from tinycc_ml.kernels.swar.data_thumb1 import DataThumb1Assembler
from tinycc_ml.kernels.swar.data_thumb2 import PLAN as PLAN2
from tinycc_ml.kernels.swar.data_thumb2 import DataThumb2Assembler
from tinycc_ml.kernels.swar.data_tile import GROUP, HEAD_WORDS, DataTile
from tinycc_ml.kernels.swar.layer import Isa
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Binary,
    Buffer,
    Expr,
    For,
    Intrinsic,
    Load,
    Local,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b

_ASSEMBLERS: dict[Isa, type[DataAssembler]] = {
    "thumb1": DataThumb1Assembler,
    "thumb2": DataThumb2Assembler,
}
_PLANS: dict[Isa, tuple[str, ...]] = {"thumb1": PLAN1, "thumb2": PLAN2}
#: Which byte of a word holds the weight of a filter.
_BYTES = (0, 2, 1, 3)


def data_intrinsic(isa: Isa, tile: DataTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters column, stream, output."""
    return Intrinsic(
        f"data_s8__{isa}_{tile.name}",
        _Meaning(isa, tile).kernel(),
        isa,
        _ASSEMBLERS[isa](tile).run(),
        (
            f"One pixel by {tile.filters} filters of {tile.elements} elements: sums, "
            "requantization and stores, four filters at a time.",
            *_PLANS[isa],
        ),
    )


class _Meaning:
    def __init__(self, isa: Isa, tile: DataTile) -> None:
        self.isa = isa
        self.tile = tile
        self.column = Buffer("column", DType.INT32, (tile.column_words,), Role.INPUT)
        words = tile.groups * tile.group_words
        self.stream = Buffer("stream", DType.INT32, (words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.filters,), Role.OUTPUT)

    def kernel(self) -> LoopKernel:
        """All groups; the last one may have fewer outputs."""
        tile = self.tile
        full, rest = divmod(tile.filters, GROUP)
        body: tuple[Stmt, ...] = ()
        if full:
            group = affine("group")
            inner = [s for i in range(GROUP) for s in self.filter(group, i, "")]
            body += (For("group", full, tuple(inner)),)
        for index in range(rest):
            body += tuple(self.filter(affine(full), index, "_last"))
        return LoopKernel("data", (self.column, self.stream, self.output), body)

    def filter(self, group: Affine, index: int, suffix: str) -> Iterator[Stmt]:
        """One filter of a group."""
        tile = self.tile
        start = group * tile.group_words
        name = f"sum{index}{suffix}"
        run, chunk, i = (f"{x}{index}{suffix}" for x in ("run", "chunk", "i"))
        head = start + index // 2 * 2
        bias: Expr = b.load(self.stream, head + 1)
        if index % 2 == 0:
            total = b.load(self.stream, head)
            bias = b.call("pair_total", total, bias, tile.flushes << 15)
        yield Local(name, DType.INT32, bias)
        element = (affine(run) * tile.chunks + affine(chunk)) * tile.chunk + affine(i)
        word = b.load(self.stream, start + HEAD_WORDS + element)
        at = affine(run) * tile.run_stride + affine(chunk) * (tile.chunk + 1) + affine(i) + 1
        weight = b.call("stream_weight", word, _BYTES[index])
        product = Accumulate(name, b.mul(b.load(self.column, at), weight))
        yield from b.nest([(run, tile.runs), (chunk, tile.chunks), (i, tile.chunk)], product)
        scale = start + HEAD_WORDS + tile.elements + index * tile.scale_words
        words = [b.load(self.stream, scale + i) for i in range(tile.scale_words)]
        at = group * GROUP + index
        if self.isa == "thumb2":
            function = "requantize_signed" if tile.corrects else "requantize_relu"
            value = b.clamp(b.call(function, Var(name), *words), tile.low, tile.high)
            yield b.store(self.output, (at,), value)
        else:
            yield from self.short(name, words, at)

    def short(self, name: str, words: list[Load], at: Affine) -> Iterator[Stmt]:
        """Requantizes a sum with short products, and stores it."""
        shift, range_, high, low, cut, rounding = words[:6]
        a, scaled = f"{name}_clamped", f"{name}_scaled"
        yield Local(a, DType.INT32, Binary("min", Binary("max", Var(name), b.value(0)), range_))
        yield Local(scaled, DType.INT32, b.call("scale_short", Var(a), high, low, cut))
        added: Expr = rounding
        if self.tile.corrects:
            added = Var(f"{name}_rounding")
            zero, extra = words[6:]
            yield Local(added.name, DType.INT32, b.call("add_from", Var(a), zero, rounding, extra))
        yield b.store(self.output, (at,), b.call("round_short", Var(scaled), added, shift))
