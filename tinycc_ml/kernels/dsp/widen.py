"""Widening int8 to int16 words: SXTB16 gives bytes 0 and 2 of a word, and rotated bytes 1 and 3.

In planar order (0, 2, 1, 3 of each four) that is already the result, and the weights are permuted
to match. In natural order two instructions more put the halves in order.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Buffer, Intrinsic, LoopKernel, Role, SharedText, affine
from tinycc_ml.loopir import build as b

#: Elements that one block of the loop widens: four words.
_BLOCK = 16
#: Up to so many blocks stand in a row without a loop.
_UNROLL = 4


def widen_intrinsic(elements: int, *, planar: bool, is_shared: bool = False) -> Intrinsic:
    """Widens a number of elements, a multiple of 4; the parameters are input and output.

    The output must be aligned to words; the input need not be, as single loads may be unaligned.

    Args:
        elements: Their number.
        planar: Whether each four are stored in the order 0, 2, 1, 3.
        is_shared: Whether the text is one for any number.
    """
    if is_shared:
        return _shared(elements, planar)
    name = f"widen_s8_s16__dsp_{elements}{'_planar' if planar else ''}"
    comment = (
        f"Widens {elements} elements; each four in the order {_order(planar)}.",
        "r0: input; r1: output; r2-r9: four words widened; r10: a word; r12: the end of the loop.",
    )
    return Intrinsic(
        name, _meaning(name, elements, planar), "dsp", _text(elements, planar), comment
    )


def _shared(elements: int, planar: bool) -> Intrinsic:
    order = "_planar" if planar else ""
    text = SharedText(
        f"widen_s8_s16__dsp_any{order}",
        tuple(_any_text(planar)),
        (
            f"Widens any number of elements; each four in the order {_order(planar)}.",
            "r0: input; r1: output; r2-r9: four words widened; r10: a word; r12: elements to go.",
        ),
    )
    name = f"{text.name}_{elements}"
    comment = (f"Widens {elements} elements.",)
    return Intrinsic(
        name, _meaning(name, elements, planar), "dsp", (), comment, shared=text, sizes=(elements,)
    )


def _order(planar: bool) -> str:
    return "0, 2, 1, 3" if planar else "0, 1, 2, 3"


def _meaning(name: str, elements: int, planar: bool) -> LoopKernel:
    x = Buffer("input", DType.INT8, (elements,), Role.INPUT)
    y = Buffer("output", DType.INT16, (elements,), Role.OUTPUT)
    if not planar:
        return LoopKernel(
            name, (x, y), b.nest([("i", elements)], b.store(y, ("i",), b.load(x, "i")))
        )
    target = affine("four") * 4 + affine("odd") * 2 + affine("half")
    source = affine("four") * 4 + affine("odd") + affine("half") * 2
    loops = [("four", elements // 4), ("odd", 2), ("half", 2)]
    return LoopKernel(name, (x, y), b.nest(loops, b.store(y, (target,), b.load(x, source))))


def _text(elements: int, planar: bool) -> tuple[str, ...]:
    blocks, rest = divmod(elements, _BLOCK)
    turns = 1
    if blocks > _UNROLL:
        unroll = next(u for u in range(_UNROLL, 0, -1) if blocks % u == 0 or u <= _UNROLL // 2)
        turns, left = divmod(blocks, unroll)
        blocks, rest = unroll, rest + left * _BLOCK
    lines = ["push {r4-r10}"]
    if turns > 1:
        distance = blocks * turns * _BLOCK
        lines += [f"movw r12, #{distance & 0xFFFF}"]
        lines += [f"movt r12, #{distance >> 16}"] if distance >> 16 else []
        lines += ["add r12, r0, r12"]
    body = [line for _ in range(blocks) for line in _words(4, planar)]
    if turns > 1:
        body = ["1:", *body, "cmp r0, r12", "bne 1b"]
    lines += body
    words = rest // 4
    while words:
        lines += _words(min(words, 4), planar)
        words -= min(words, 4)
    lines += ["pop {r4-r10}", "bx lr"]
    return tuple(line if line.endswith(":") else f"  {line}" for line in lines)


def _any_text(planar: bool) -> Iterator[str]:
    yield from ("  push {r4-r10}", "  ldrh r12, [r2]", f"  subs r12, r12, #{_BLOCK}", "  blo 2f")
    yield f"1:  @ {_BLOCK} elements"
    yield from (f"  {line}" for line in _words(_BLOCK // 4, planar))
    yield from (f"  subs r12, r12, #{_BLOCK}", "  bhs 1b", "2:  @ the rest")
    yield from (f"  adds r12, r12, #{_BLOCK}", "  beq 4f", "3:  @ four elements")
    yield from (f"  {line}" for line in _words(1, planar))
    yield from ("  subs r12, r12, #4", "  bne 3b", "4:  @ the end", "  pop {r4-r10}", "  bx lr")


def _words(count: int, planar: bool) -> list[str]:
    pairs = [(2 + 2 * i, 3 + 2 * i) for i in range(count)]
    lines = [f"ldr r{odd}, [r0], #4" for _, odd in pairs]
    for even, odd in pairs:
        if planar:
            lines += [f"sxtb16 r{even}, r{odd}", f"sxtb16 r{odd}, r{odd}, ror #8"]
        else:
            lines += [
                f"sxtb16 r10, r{odd}",
                f"sxtb16 r{odd}, r{odd}, ror #8",
                f"pkhbt r{even}, r10, r{odd}, lsl #16",
                f"pkhtb r{odd}, r{odd}, r10, asr #16",
            ]
    return [*lines, f"stm r1!, {{r2-r{1 + 2 * count}}}"]
