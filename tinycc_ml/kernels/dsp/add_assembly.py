"""Addition by tables as an intrinsic: its meaning and its assembly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Buffer, Expr, For, Intrinsic, Local, Lookup, LoopKernel, Role, Var
from tinycc_ml.loopir import build as b

#: Multiplier and rounding, then for each input 256 words from the value -128 on.
TABLE_WORDS = 2 + 2 * 256
_FIRST_ZERO, _SECOND_ZERO = 2 + 128, 2 + 256 + 128
#: Words of four elements in a turn of the loop.
_UNROLL = 2


@dataclass(frozen=True, slots=True)
class AddTile:
    """What is added.

    Attributes:
        elements: Elements of either input.
        exponent: The last shift, 1 ... 31.
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
    """

    elements: int
    exponent: int
    corrects_sign: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles."""
        name = f"add_s8__dsp_{self.elements}_e{self.exponent}"
        return name if self.corrects_sign else f"{name}_relu"


def add_intrinsic(tile: AddTile) -> Intrinsic:
    """The addition as an intrinsic with the parameters input0, input1, tables, output."""
    comment = (
        f"Adds {tile.elements} elements: two lookups, requantization.",
        "r0, r1: inputs; r2, r4: tables at the value 0; r3: output; r5: multiplier; r6: rounding.",
        "r7, r8: four elements of each input; r9-r12: values; lr: the end of the loop.",
    )
    return Intrinsic(tile.name, _meaning(tile), "dsp", tuple(_text(tile)), comment)


def _meaning(tile: AddTile) -> LoopKernel:
    first, second = (
        Buffer(name, DType.INT8, (tile.elements,), Role.INPUT) for name in ("input0", "input1")
    )
    tables = Buffer("tables", DType.INT32, (TABLE_WORDS,), Role.CONSTANT)
    output = Buffer("output", DType.INT8, (tile.elements,), Role.OUTPUT)

    def looked_up(x: Buffer, zero: int) -> Expr:
        return Lookup(tables.name, b.add(b.load(x, "i"), zero))

    function = "requantize_signed" if tile.corrects_sign else "requantize_relu"
    # The tables hold doubled values.
    total = b.add(looked_up(first, _FIRST_ZERO), looked_up(second, _SECOND_ZERO))
    scales = (b.load(tables, 0), b.load(tables, 1), tile.exponent)
    value = b.call(function, b.div(Var("total"), 2), *scales)
    body = (
        Local("total", DType.INT32, total),
        b.store(output, ("i",), b.clamp(value, -128, 127)),
    )
    return LoopKernel(tile.name, (first, second, tables, output), (For("i", tile.elements, body),))


def _text(tile: AddTile) -> Iterator[str]:
    words, rest = divmod(tile.elements, 4)
    turns, more = divmod(words, _UNROLL)
    yield "  push {r4-r11, lr}"
    yield "  ldrd r5, r6, [r2]"
    yield f"  add r4, r2, #{4 * _SECOND_ZERO}"
    yield f"  add r2, r2, #{4 * _FIRST_ZERO}"
    if turns > 1:
        distance = 4 * _UNROLL * turns
        yield f"  movw lr, #{distance & 0xFFFF}"
        if distance >> 16:
            yield f"  movt lr, #{distance >> 16}"
        yield "  add lr, r3, lr"
        yield f"1:  @ {4 * _UNROLL} elements"
    for _ in range(_UNROLL * bool(turns)):
        yield from _word(tile)
    if turns > 1:
        yield "  cmp r3, lr"
        yield "  bne 1b"
    for _ in range(more):
        yield from _word(tile)
    for _ in range(rest):
        yield "  ldrsb r9, [r0], #1"
        yield "  ldrsb r10, [r1], #1"
        yield from _sums(tile, (9,))
    yield "  pop {r4-r11, pc}"


def _word(tile: AddTile) -> Iterator[str]:
    """Four elements, two at a time."""
    yield "  ldr r7, [r0], #4"
    yield "  ldr r8, [r1], #4"
    for rotations in (("", ", ror #8"), (", ror #16", ", ror #24")):
        for target, rotation in zip((9, 11), rotations, strict=True):
            yield f"  sxtb r{target}, r7{rotation}"
            yield f"  sxtb r{target + 1}, r8{rotation}"
        yield from _sums(tile, (9, 11))


def _sums(tile: AddTile, values: tuple[int, ...]) -> Iterator[str]:
    """Elements in pairs of registers to outputs."""
    for a in values:
        yield f"  ldr r{a}, [r2, r{a}, lsl #2]"
        yield f"  ldr r{a + 1}, [r4, r{a + 1}, lsl #2]"
    for a in values:
        yield f"  add r{a}, r{a}, r{a + 1}"
    for a in values:
        if tile.corrects_sign:
            yield f"  add r{a + 1}, r6, r{a}, asr #31"
            yield f"  smmlar r{a}, r{a}, r5, r{a + 1}"
        else:
            yield f"  smmlar r{a}, r{a}, r5, r6"
    for a in values:
        yield f"  ssat r{a}, #8, r{a}, asr #{tile.exponent}"
    for a in values:
        yield f"  strb r{a}, [r3], #1"
