"""Copies input rows as uint8: the input plus 128, which is a flip of each byte's highest bit."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.instructions import unrolled
from tinycc_ml.kernels.dsp.winograd_packing import INPUT_OFFSET
from tinycc_ml.loopir import Buffer, Intrinsic, LoopKernel, Role
from tinycc_ml.loopir import build as b

#: Elements of a word, and words of a block.
WORD, _BLOCK = 4, 4
#: Up to so many blocks stand in a row without a loop.
_UNROLL = 4


def offset_intrinsic(elements: int) -> Intrinsic:
    """Copies a number of elements, a multiple of 4; the parameters are input and rows.

    Rows must be aligned to words; the input need not be, as single loads may be unaligned.
    """
    name = f"offset_s8_u8__dsp_{elements}"
    comment = (
        f"Copies {elements} elements and adds {INPUT_OFFSET} to each.",
        "r0: input; r1: rows; r2-r5: four words; r6: the highest bits; r12: the end of the loop.",
    )
    return Intrinsic(name, _meaning(name, elements), "dsp", _text(elements), comment)


def _meaning(name: str, elements: int) -> LoopKernel:
    x = Buffer("input", DType.INT8, (elements,), Role.INPUT)
    y = Buffer("rows", DType.UINT8, (elements,), Role.OUTPUT)
    copy = b.store(y, ("i",), b.add(b.load(x, "i"), INPUT_OFFSET))
    return LoopKernel(name, (x, y), b.nest([("i", elements)], copy))


def _text(elements: int) -> tuple[str, ...]:
    blocks, words = divmod(elements // WORD, _BLOCK)
    unroll, turns, rest = unrolled(blocks, _UNROLL)
    lines = ["  push {r4-r6}", "  mov r6, #0x80808080"]
    if turns > 1:
        lines += [f"  movw r12, #{turns}", "1:  @ some blocks"]
    for _ in range(unroll):
        lines += _block(_BLOCK)
    if turns > 1:
        lines += ["  subs r12, r12, #1", "  bne 1b"]
    for _ in range(rest):
        lines += _block(_BLOCK)
    lines += _block(words)
    return (*lines, "  pop {r4-r6}", "  bx lr")


def _block(words: int) -> list[str]:
    if not words:
        return []
    registers = [f"r{2 + i}" for i in range(words)]
    lines = [f"  ldr {r}, [r0], #{WORD}" for r in registers]
    lines += [f"  eor {r}, {r}, r6" for r in registers]
    store = f"  stm r1!, {{r2-r{1 + words}}}" if words > 1 else f"  str r2, [r1], #{WORD}"
    return [*lines, store]
