"""What a float32 GEMM tile computes, as loop IR, and the intrinsic."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.fpu.assembly import LANES
from tinycc_ml.kernels.fpu.gemm_assembly import PLAN, assemble
from tinycc_ml.kernels.fpu.gemm_tile import FloatTile
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Argument,
    Buffer,
    CallIntrinsic,
    Intrinsic,
    Local,
    LoopKernel,
    Role,
    SharedText,
    Stmt,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.floats import limited


def call_gemm(tile: FloatTile, columns: Argument, output: Argument) -> CallIntrinsic:
    """The call that computes all channels of one or two pixels."""
    return CallIntrinsic(gemm_intrinsic(tile), (columns, Argument("stream", (affine(0),)), output))


def gemm_intrinsic(tile: FloatTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters columns, stream, output."""
    many = f"{tile.pixels} pixels by any number of filters of any number of elements, {LANES}"
    text = SharedText(tile.shared_name, assemble(tile), (f"{many} filters at a time.", *PLAN))
    comment = f"{tile.pixels} pixels by {tile.channels} filters of {tile.runs * tile.run} elements."
    return Intrinsic(
        tile.name, _meaning(tile), "fpu", (), (comment,), shared=text, sizes=tile.sizes
    )


def _meaning(tile: FloatTile) -> LoopKernel:
    columns = Buffer("columns", DType.FLOAT32, (tile.column_elements,), Role.INPUT)
    stream = Buffer("stream", DType.FLOAT32, (tile.stream_elements,), Role.CONSTANT)
    output = Buffer("output", DType.FLOAT32, (tile.pixels * tile.channels,), Role.OUTPUT)

    def group(filters: int, first: Affine, suffix: str) -> tuple[Stmt, ...]:
        pixel, f, run, k = (f"{name}{suffix}" for name in ("pixel", "filter", "run", "k"))
        acc = f"acc{suffix}"
        start = first * (tile.runs * tile.run + 1) + affine(f)
        element = affine(run) * tile.run + affine(k)
        column = affine(pixel) * tile.pixel_stride + affine(run) * tile.run_stride + affine(k)
        product = b.mul(b.load(columns, column), b.load(stream, start + element * filters))
        bias = b.load(stream, start + tile.runs * tile.run * filters)
        at = affine(pixel) * tile.channels + first + affine(f)
        return b.nest(
            [(pixel, tile.pixels), (f, filters)],
            Local(acc, DType.FLOAT32, b.number(0.0)),
            *b.nest([(run, tile.runs), (k, tile.run)], Accumulate(acc, product)),
            b.store(output, (at,), limited(b.add(Var(acc), bias), tile.numbers)),
        )

    body: tuple[Stmt, ...] = ()
    if tile.groups:
        body += b.nest([("group", tile.groups)], *group(LANES, affine("group") * LANES, ""))
    if tile.rest:
        body += group(tile.rest, affine(tile.groups * LANES), "_last")
    return LoopKernel(tile.name, (columns, stream, output), body)
