"""What the Winograd tiles compute, as loop IR: their fallback in C, and what host builds run.

They read and write the same data as the assembly does, but for what is only kept for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.winograd_algorithm import Transform
from tinycc_ml.kernels.dsp.winograd_input_assembly import INPUT_PLAN, assemble_inputs
from tinycc_ml.kernels.dsp.winograd_product_assembly import PRODUCT_PLAN, assemble_products
from tinycc_ml.kernels.dsp.winograd_tile import (
    CHANNELS,
    FILTERS,
    TILES,
    InputTile,
    ProductTile,
)
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Assign,
    Binary,
    Buffer,
    Expr,
    For,
    Intrinsic,
    Literal,
    Local,
    LoopKernel,
    Role,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b


def input_intrinsic(tile: InputTile) -> Intrinsic:
    """The transform of inputs as an intrinsic with the parameters rows and inputs."""
    n = tile.algorithm.size
    comment = (
        f"Transforms {n}x{n} inputs of {tile.channels} channels.",
        *(f"{line}." for line in INPUT_PLAN),
    )
    return Intrinsic(tile.name, _inputs(tile), "dsp", assemble_inputs(tile), comment)


def product_intrinsic(tile: ProductTile) -> Intrinsic:
    """The outputs as an intrinsic with the parameters inputs, stream, output and sums."""
    m = tile.algorithm.outputs
    comment = (
        f"{tile.tiles} tiles of {m}x{m} outputs by {tile.filters} filters: products and sums, the "
        f"transform back, requantization and stores, {FILTERS} filters at a time.",
        *(f"{line}." for line in PRODUCT_PLAN),
    )
    return Intrinsic(tile.name, _Products(tile).kernel(), "dsp", assemble_products(tile), comment)


def _run(
    transform: Transform, inputs: Sequence[Expr], name: str, dtype: DType
) -> tuple[list[Stmt], list[Expr]]:
    """The steps on locals `name` 0, 1 ..., and the results."""
    body: list[Stmt] = [Local(f"{name}{i}", dtype, value) for i, value in enumerate(inputs)]
    known = set(range(len(inputs)))
    for step in transform.steps:
        right: Expr = Var(f"{name}{step.right}")
        if step.shift:
            right = Binary("*", right, Literal(1 << step.shift, dtype))
        value = Binary("+" if step.sign > 0 else "-", Var(f"{name}{step.left}"), right)
        target = f"{name}{step.target}"
        body.append(Assign(target, value) if step.target in known else Local(target, dtype, value))
        known.add(step.target)
    return body, [Var(f"{name}{slot}") for slot in transform.results]


def _inputs(tile: InputTile) -> LoopKernel:
    """Rows first, then columns, both in place; what is lifted is lifted in between."""
    a, n = tile.algorithm, tile.algorithm.size
    rows = Buffer("rows", DType.UINT8, (tile.rows_elements,), Role.INPUT)
    inputs = Buffer("inputs", DType.INT16, (tile.inputs_elements,), Role.OUTPUT)

    def at(row: Affine, column: Affine, name: str, half: Affine) -> Affine:
        step = affine(f"four{name}") * 2 + affine(f"odd{name}")
        return (column * n + row) * tile.position_elements + step * (2 * TILES) + half

    def nest(name: str, line: str, *body: Stmt) -> tuple[Stmt, ...]:
        loops = [(f"four{name}", tile.channels // CHANNELS), (f"odd{name}", 2), (f"half{name}", 2)]
        return b.nest([*loops, (line, n)], *body)

    half, channel = affine("half"), affine("four") * CHANNELS + affine("odd") + affine("half") * 2
    row = affine("row")
    loads = [b.load(rows, row * tile.row_elements + x * tile.channels + channel) for x in range(n)]
    steps, results = _run(a.input, loads, "x", DType.INT32)
    stores = [b.store(inputs, (at(row, affine(j), "", half),), r) for j, r in enumerate(results)]
    body = nest("", "row", *steps, *stores)
    for lifted in a.lifted:
        name = f"_{lifted}"
        where = at(affine(lifted), affine(f"lift{name}"), name, affine(0))
        lift = b.store(inputs, (where,), b.add(b.load(inputs, where), a.lift))
        loops = [(f"four{name}", tile.channels // CHANNELS), (f"odd{name}", 2), (f"lift{name}", n)]
        body += b.nest(loops, lift)
    column, half = affine("column"), affine("half_y")
    loads = [b.load(inputs, at(affine(i), column, "_y", half)) for i in range(n)]
    steps, results = _run(a.input, loads, "y", DType.INT32)
    stores = [
        b.store(inputs, (at(affine(i), column, "_y", half),), r) for i, r in enumerate(results)
    ]
    return LoopKernel(tile.name, (rows, inputs), (*body, *nest("_y", "column", *steps, *stores)))


class _Products:
    def __init__(self, tile: ProductTile) -> None:
        self.tile = tile
        self.inputs = Buffer("inputs", DType.INT16, (tile.inputs_elements,), Role.INPUT)
        self.stream = Buffer("stream", DType.INT32, (tile.stream_words,), Role.CONSTANT)
        self.output = Buffer("output", DType.INT8, (tile.output_elements,), Role.OUTPUT)
        self.sums = Buffer("sums", DType.UINT32, (tile.sums_elements,), Role.SCRATCH)

    def kernel(self) -> LoopKernel:
        tile = self.tile
        full, rest = divmod(tile.filters, FILTERS)
        words = tile.group_words(FILTERS)
        body: tuple[Stmt, ...] = ()
        if full:
            group = affine("group")
            body += (For("group", full, self.group(FILTERS, group * words, group * FILTERS, "")),)
        if rest:
            body += self.group(rest, affine(full * words), affine(full * FILTERS), "_last")
        buffers = (self.inputs, self.stream, self.output, self.sums)
        return LoopKernel(tile.name, buffers, body)

    def group(self, live: int, start: Affine, channel: Affine, suffix: str) -> tuple[Stmt, ...]:
        """Some filters; `start` is in the stream."""
        filter_, tile = f"live{suffix}", f"at{suffix}"
        scales = start + self.tile.weight_words + affine(filter_) * self.tile.filter_words
        loops = [(filter_, live), (tile, self.tile.tiles)]
        sum_ = affine(filter_) * self.tile.tiles + affine(tile)
        target = channel + affine(filter_) + affine(tile) * self.tile.tile_step
        return (
            *self.products(start, suffix),
            *b.nest(loops, *self.columns(sum_, suffix), *self.rows(sum_, scales, target, suffix)),
        )

    def products(self, start: Affine, suffix: str) -> tuple[Stmt, ...]:
        """The sums of all positions."""
        tile = self.tile
        position, at, filter_, step = (
            f"{name}{suffix}" for name in ("position", "tile", "filter", "step")
        )
        total, word = f"total{suffix}", f"word{suffix}"
        source = affine(position) * (TILES * tile.channels) + affine(step) * (2 * TILES)
        source = source + affine(at) * 2
        weight = (affine(position) * tile.steps + affine(step)) * FILTERS + affine(filter_) + start
        products = [
            b.call("modulo_2_32", b.mul(b.load(self.inputs, source + half), _half(word, half)))
            for half in range(2)
        ]
        sums = b.nest(
            [(step, tile.steps)],
            Local(word, DType.INT32, b.load(self.stream, weight)),
            *(Accumulate(total, product) for product in products),
        )
        target = affine(position) * tile.position_sums + affine(filter_) * tile.tiles + affine(at)
        return b.nest(
            [(position, tile.algorithm.positions), (at, tile.tiles), (filter_, FILTERS)],
            Local(total, DType.UINT32, Literal(0, DType.UINT32)),
            *sums,
            b.store(self.sums, (target,), Var(total)),
        )

    def sum_at(self, row: int, column: Affine, sum_: Affine) -> Affine:
        """Where the sum of a position is."""
        n = self.tile.algorithm.size
        return (column * n + row) * self.tile.position_sums + sum_

    def columns(self, sum_: Affine, suffix: str) -> tuple[Stmt, ...]:
        """Transforms the columns of a filter and tile in place."""
        a, column = self.tile.algorithm, affine(f"column{suffix}")
        loads = [b.load(self.sums, self.sum_at(i, column, sum_)) for i in range(a.size)]
        steps, results = _run(a.output, loads, f"y{suffix}_", DType.UINT32)
        stores = [
            b.store(self.sums, (self.sum_at(i, column, sum_),), result)
            for i, result in enumerate(results)
        ]
        return b.nest([(f"column{suffix}", a.size)], *steps, *stores)

    def rows(self, sum_: Affine, scales: Affine, target: Affine, suffix: str) -> Iterator[Stmt]:
        """Transforms the rows, requantizes and stores."""
        tile, a = self.tile, self.tile.algorithm
        corners = a.corners()
        for i in range(a.outputs):
            loads = [b.load(self.sums, self.sum_at(i, affine(j), sum_)) for j in range(a.size)]
            steps, results = _run(a.output, loads, f"x{suffix}_{i}_", DType.UINT32)
            yield from steps
            for j, result in enumerate(results):
                corner = corners.index((i, j)) if (i, j) in corners else len(corners)
                factor = a.factors[i] * a.factors[j] * a.inverse % (1 << 32)
                name = f"sum{suffix}_{i}_{j}"
                yield Local(name, DType.INT32, self.exact(result, factor, scales + corner))
                at = target + i * tile.row_step + j * tile.filters
                yield b.store(self.output, (at,), self.requantized(name, scales + len(corners)))

    def exact(self, result: Expr, factor: int, bias: Affine) -> Expr:
        """The accumulator of an output."""
        if factor != 1:
            result = Binary("*", result, Literal(factor, DType.UINT32))
        total = Binary("+", result, b.call("modulo_2_32", b.load(self.stream, bias)))
        scale = 1 << self.tile.algorithm.scale_bits
        return b.div(b.call("as_signed", total), scale)

    def requantized(self, name: str, scales: Affine) -> Expr:
        """The output; the stream has rounding and exponent on the finer scale."""
        bits = self.tile.algorithm.scale_bits
        multiplier, rounding, exponent = (b.load(self.stream, scales + i) for i in range(1, 4))
        coarse = b.div(b.sub(rounding, 1 << bits - 2), 1 << bits - 1)
        function = "requantize_signed" if self.tile.corrects_sign else "requantize_relu"
        value = b.call(function, Var(name), multiplier, coarse, b.sub(exponent, bits - 1))
        return b.clamp(value, self.tile.low, self.tile.high)


def _half(word: str, half: int) -> Expr:
    return b.call("int16_half", Var(word), half)
