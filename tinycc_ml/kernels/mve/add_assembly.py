"""Addition by tables as an intrinsic: its meaning and its assembly.

Bytes are loaded as signed words: the offsets of a look-up (VLDRW with a vector of offsets)
from the middle of a table: addresses add up modulo 2^32.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Binary, Buffer, Expr, Intrinsic, Literal, LoopKernel, Role
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.ir import Lookup

_LANES = 4
#: Vectors in a turn of the loop.
_UNROLL = 4
#: Multiplier, shift, zero point and a word that fills the vector; then two tables.
_HEAD_WORDS, _TABLE = 4, 256
TABLE_WORDS = _HEAD_WORDS + 2 * _TABLE


@dataclass(frozen=True, slots=True)
class AddTile:
    """What is added.

    Attributes:
        elements: Elements of each input.
        low: Lowest output.
        high: Highest output.
        corrects_sign: Whether ties of negative numbers are rounded away from zero.
    """

    elements: int
    low: int
    high: int
    corrects_sign: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles."""
        name = f"add_s8__mve_{self.elements}"
        if (self.low, self.high) != (-128, 127):
            name += f"_low{self.low}_high{self.high}".replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"


def add_intrinsic(tile: AddTile) -> Intrinsic:
    """The addition as an intrinsic with the parameters input0, input1, tables, output."""
    comment = (
        f"Adds {tile.elements} elements.",
        "r0, r1: inputs; r3: output; r4, r5: the middles of the tables.",
        "r6: multiplier; r7: shift; r12: zero point; q4, q5: bounds.",
    )
    return Intrinsic(tile.name, _meaning(tile), "mve", tuple(_text(tile)), comment)


def _meaning(tile: AddTile) -> LoopKernel:
    inputs = [Buffer(f"input{i}", DType.INT8, (tile.elements,), Role.INPUT) for i in range(2)]
    tables = Buffer("tables", DType.INT32, (TABLE_WORDS,), Role.CONSTANT)
    y = Buffer("output", DType.INT8, (tile.elements,), Role.OUTPUT)

    def scaled(number: int) -> Expr:
        middle = _HEAD_WORDS + number * _TABLE + _TABLE // 2
        return Lookup("tables", b.add(b.load(inputs[number], "i"), Literal(middle)))

    total = Binary("+", scaled(0), scaled(1))
    multiplier, shift, zero_point = (b.load(tables, i) for i in range(3))
    value = b.add(b.call("requantize", total, multiplier, shift), zero_point)
    body = b.nest([("i", tile.elements)], b.store(y, ("i",), b.clamp(value, tile.low, tile.high)))
    return LoopKernel(tile.name, (*inputs, tables, y), body)


def _text(tile: AddTile) -> Iterator[str]:
    vectors, rest = divmod(tile.elements, _LANES)
    turns, left = divmod(vectors, _UNROLL)
    yield "  push {r4-r8, lr}"
    yield "  ldrd r6, r7, [r2]"
    yield "  ldr r12, [r2, #8]"
    yield f"  addw r4, r2, #{4 * (_HEAD_WORDS + _TABLE // 2)}"
    yield f"  addw r5, r4, #{4 * _TABLE}"
    if not _is_full(tile):
        yield "  vpush {d8-d11}"
        for register, bound in (("q4", tile.low), ("q5", tile.high)):
            yield f"  mvn r8, #{~bound}" if bound < 0 else f"  mov r8, #{bound}"
            yield f"  vdup.32 {register}, r8"
    if turns > 1:
        yield f"  movw lr, #{turns & 0xFFFF}"
        if turns >> 16:
            yield f"  movt lr, #{turns >> 16}"
        yield "  dls lr, lr"
        yield f"1:  @ {_UNROLL * _LANES} elements"
        for _ in range(_UNROLL):
            yield from _vector(tile, masked=False)
        yield "  le lr, 1b"
    else:
        left = vectors
    for _ in range(left):
        yield from _vector(tile, masked=False)
    if rest:
        yield f"  mov r8, #{rest}"
        yield "  vctp.32 r8"
        yield from _vector(tile, masked=True)
    if not _is_full(tile):
        yield "  vpop {d8-d11}"
    yield "  pop {r4-r8, pc}"


def _is_full(tile: AddTile) -> bool:
    return (tile.low, tile.high) == (-128, 127)


def _vector(tile: AddTile, *, masked: bool) -> Iterator[str]:
    """Four elements; what is not loaded is 0, which is an offset like any other."""
    then = "t" if masked else ""
    for x, table, value in (("r0", "r4", "q1"), ("r1", "r5", "q2")):
        if masked:
            yield "  vpst"
        yield f"  vldrb{then}.s32 q0, [{x}], #{_LANES}"
        yield f"  vldrw.u32 {value}, [{table}, q0, uxtw #2]"
    yield "  vadd.i32 q1, q1, q2"
    yield "  vqrdmulh.s32 q1, q1, r6"
    if tile.corrects_sign:
        yield from ("  vshr.s32 q0, q1, #31", "  vadd.i32 q1, q1, q0")
    yield "  vrshl.s32 q1, r7"
    yield "  vadd.i32 q1, q1, r12"
    if _is_full(tile):
        yield from ("  vqmovnb.s32 q1, q1", "  vqmovnb.s16 q1, q1")
    else:
        yield from ("  vmax.s32 q1, q1, q4", "  vmin.s32 q1, q1, q5")
    if masked:
        yield "  vpst"
    yield f"  vstrb{then}.32 q1, [r3], #{_LANES}"
