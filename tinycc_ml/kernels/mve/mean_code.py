"""Means and sums over rows of elements as an intrinsic: its meaning and its assembly.

Rows are added up eight columns at a time in 16 bits, in which up to 256 elements fit, and then in
two vectors of words. These are requantized as the sums of layers with weights are; see
:mod:`tinycc_ml.kernels.mve.requantize`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Accumulate, Buffer, Intrinsic, Local, LoopKernel, Role, Var
from tinycc_ml.loopir import build as b

_LANES = 8
#: Rows whose sums fit 16 bits, and those that stand one after the other without a loop.
_ROWS, _UNROLL = 256, 8
_VECTOR_OFFSET = 127
#: What is added to sums; multiplier, shift and zero point of the output.
HEAD_WORDS = 4


@dataclass(frozen=True, slots=True)
class MeanTile:
    """What is added up.

    Attributes:
        rows: Elements of a sum.
        columns: Sums; the distance between the elements of one.
        corrects_sign: Whether ties of negative numbers are rounded away from zero.
    """

    rows: int
    columns: int
    corrects_sign: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles."""
        name = f"mean_s8__mve_{self.rows}x{self.columns}"
        return name if self.corrects_sign else f"{name}_relu"


def mean_intrinsic(tile: MeanTile) -> Intrinsic:
    """The sums as an intrinsic with the parameters input, numbers, output."""
    comment = (
        f"Adds up {tile.rows} rows of {tile.columns} elements, and scales the sums.",
        "r0: input; r1: numbers, then a column; r2: output; r3: left columns; r4: row length.",
        "r5: offset; r6: multiplier; r7: shift; r12: zero point; r8, lr: count rows.",
        "q0: 16-bit sums; q1, q2: elements; q3, q4: sums.",
    )
    return Intrinsic(tile.name, _meaning(tile), "mve", tuple(_text(tile)), comment)


def _meaning(tile: MeanTile) -> LoopKernel:
    x = Buffer("input", DType.INT8, (tile.rows, tile.columns), Role.INPUT)
    numbers = Buffer("numbers", DType.INT32, (HEAD_WORDS,), Role.CONSTANT)
    y = Buffer("output", DType.INT8, (tile.columns,), Role.OUTPUT)
    offset, multiplier, shift, zero_point = (b.load(numbers, i) for i in range(HEAD_WORDS))
    result = b.call("requantize", Var("acc"), multiplier, shift)
    body = b.nest(
        [("column", tile.columns)],
        Local("acc", DType.INT32, offset),
        *b.nest([("row", tile.rows)], Accumulate("acc", b.load(x, "row", "column"))),
        b.store(y, ("column",), b.clamp(b.add(result, zero_point), -128, 127)),
    )
    return LoopKernel(tile.name, (x, numbers, y), body)


def _text(tile: MeanTile) -> Iterator[str]:
    yield "  push {r4-r8, lr}"
    yield "  vpush {d8-d9}"
    yield "  ldrd r5, r6, [r1]"
    yield "  ldr r7, [r1, #8]"
    yield "  ldr r12, [r1, #12]"
    yield from _load("r4", tile.columns)
    yield from _load("r3", tile.columns)
    yield "1:  @ eight columns, or those that are left"
    yield "  vctp.16 r3"
    yield "  mov r1, r0"
    yield from ("  vdup.32 q3, r5", "  vdup.32 q4, r5")
    whole, left = divmod(tile.rows, _ROWS)
    if whole:
        if whole > 1:
            yield from _load("r8", whole)
            yield f"2:  @ {_ROWS} rows"
        yield from _rows(_ROWS, tile.columns)
        if whole > 1:
            yield from ("  subs r8, r8, #1", "  bne 2b")
    if left:
        yield from _rows(left, tile.columns)
    yield from _scale(tile)
    yield from ("  vpst", f"  vstrbt.16 q3, [r2], #{_LANES}")
    yield f"  add r0, r0, #{_LANES}"
    yield from (f"  subs r3, r3, #{_LANES}", "  bgt 1b")
    yield "  vpop {d8-d9}"
    yield "  pop {r4-r8, pc}"


def _rows(count: int, columns: int) -> Iterator[str]:
    """Adds rows to q3 and q4; r1 moves on."""
    turns, rest = divmod(count, _UNROLL)
    yield "  vmov.i32 q0, #0"
    if turns > 1:
        yield f"  mov lr, #{turns}"
        yield "  dls lr, lr"
        yield f"3:  @ {_UNROLL} rows"
    for number in range(_UNROLL if turns else 0):
        yield from _row(number, columns)
    if turns > 1:
        yield "  le lr, 3b"
    for number in range(rest):
        yield from _row(number, columns)
    yield from ("  vmovlb.s16 q1, q0", "  vmovlt.s16 q2, q0")
    yield from ("  vadd.i32 q3, q3, q1", "  vadd.i32 q4, q4, q2")


def _row(number: int, columns: int) -> Iterator[str]:
    register = f"q{1 + number % 2}"
    yield "  vpst"
    if columns <= _VECTOR_OFFSET:
        yield f"  vldrbt.s16 {register}, [r1], #{columns}"
    else:
        yield from (f"  vldrbt.s16 {register}, [r1]", "  add r1, r1, r4")
    yield f"  vadd.i16 q0, q0, {register}"


def _scale(tile: MeanTile) -> Iterator[str]:
    sums = ("q3", "q4")
    yield from (f"  vqrdmulh.s32 {s}, {s}, r6" for s in sums)
    if tile.corrects_sign:
        yield from ("  vshr.s32 q1, q3, #31", "  vshr.s32 q2, q4, #31")
        yield from ("  vadd.i32 q3, q3, q1", "  vadd.i32 q4, q4, q2")
    yield from (f"  vrshl.s32 {s}, r7" for s in sums)
    yield from (f"  vadd.i32 {s}, {s}, r12" for s in sums)
    yield from ("  vqmovnb.s32 q3, q3", "  vqmovnt.s32 q3, q4", "  vqmovnb.s16 q3, q3")


def _load(register: str, value: int) -> Iterator[str]:
    yield f"  movw {register}, #{value & 0xFFFF}"
    if value >> 16:
        yield f"  movt {register}, #{value >> 16}"
