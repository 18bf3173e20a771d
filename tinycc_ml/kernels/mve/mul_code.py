"""Multiplication of elements as an intrinsic: its meaning and its assembly.

Eight elements are loaded as 16 bits, in which they fit without their zero points; their products
are made and requantized in two vectors of words, of the even and of the odd ones. Two saturating
moves bring these together again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Buffer, Expr, Intrinsic, LoopKernel, Role
from tinycc_ml.loopir import build as b

_LANES = 8
#: Vectors in a turn of the loop.
_UNROLL = 2
#: Zero points of the inputs; multiplier, shift and zero point of the output.
HEAD_WORDS = 5


@dataclass(frozen=True, slots=True)
class MulTile:
    """What is multiplied.

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
        name = f"mul_s8__mve_{self.elements}"
        if (self.low, self.high) != (-128, 127):
            name += f"_low{self.low}_high{self.high}".replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"


def mul_intrinsic(tile: MulTile) -> Intrinsic:
    """The products as an intrinsic with the parameters input0, input1, numbers, output."""
    comment = (
        f"Multiplies {tile.elements} elements.",
        "r0, r1: inputs; r3: output; r4, r5: their zero points; r6: multiplier; r7: shift.",
        "r12: zero point of the output; q0, q1: elements, then signs; q2, q3: products.",
    )
    return Intrinsic(tile.name, _meaning(tile), "mve", tuple(_text(tile)), comment)


def _meaning(tile: MulTile) -> LoopKernel:
    inputs = [Buffer(f"input{i}", DType.INT8, (tile.elements,), Role.INPUT) for i in range(2)]
    numbers = Buffer("numbers", DType.INT32, (HEAD_WORDS,), Role.CONSTANT)
    y = Buffer("output", DType.INT8, (tile.elements,), Role.OUTPUT)
    zeros = [b.load(numbers, i) for i in range(2)]
    first, second = (b.sub(b.load(x, "i"), zero) for x, zero in zip(inputs, zeros, strict=True))
    multiplier, shift, zero_point = (b.load(numbers, i) for i in range(2, HEAD_WORDS))
    result: Expr = b.call("requantize", b.mul(first, second), multiplier, shift)
    value = b.clamp(b.add(result, zero_point), tile.low, tile.high)
    body = b.nest([("i", tile.elements)], b.store(y, ("i",), value))
    return LoopKernel(tile.name, (*inputs, numbers, y), body)


def _text(tile: MulTile) -> Iterator[str]:
    vectors, rest = divmod(tile.elements, _LANES)
    turns, left = divmod(vectors, _UNROLL)
    yield "  push {r4-r8, lr}"
    yield "  ldrd r4, r5, [r2]"
    yield "  ldrd r6, r7, [r2, #8]"
    yield "  ldr r12, [r2, #16]"
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
        yield "  vctp.16 r8"
        yield from _vector(tile, masked=True)
    yield "  pop {r4-r8, pc}"


def _vector(tile: MulTile, *, masked: bool) -> Iterator[str]:
    then = "t" if masked else ""
    if masked:
        yield "  vpstt"
    for value, x in (("q0", "r0"), ("q1", "r1")):
        yield f"  vldrb{then}.s16 {value}, [{x}], #{_LANES}"
    yield from ("  vsub.i16 q0, q0, r4", "  vsub.i16 q1, q1, r5")
    yield from ("  vmullb.s16 q2, q0, q1", "  vmullt.s16 q3, q0, q1")
    products = ("q2", "q3")
    yield from (f"  vqrdmulh.s32 {p}, {p}, r6" for p in products)
    if tile.corrects_sign:
        yield from ("  vshr.s32 q0, q2, #31", "  vshr.s32 q1, q3, #31")
        yield from ("  vadd.i32 q2, q2, q0", "  vadd.i32 q3, q3, q1")
    yield from (f"  vrshl.s32 {p}, r7" for p in products)
    yield from (f"  vadd.i32 {p}, {p}, r12" for p in products)
    yield from ("  vqmovnb.s32 q2, q2", "  vqmovnt.s32 q2, q3")
    yield from _clamp(tile)
    if masked:
        yield "  vpst"
    yield f"  vstrb{then}.16 q2, [r3], #{_LANES}"


def _clamp(tile: MulTile) -> Iterator[str]:
    """Of 16 bits; without an activation to int8."""
    if (tile.low, tile.high) == (-128, 127):
        yield "  vqmovnb.s16 q2, q2"
        return
    for operation, bound in (("vmax", tile.low), ("vmin", tile.high)):
        yield f"  mvn r8, #{~bound}" if bound < 0 else f"  mov r8, #{bound}"
        yield from ("  vdup.16 q0, r8", f"  {operation}.s16 q2, q2, q0")
