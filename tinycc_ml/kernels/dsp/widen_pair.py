"""Widening two pixels to int16 words that take turns: one of the first, one of the second."""

from __future__ import annotations

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Buffer, Intrinsic, LoopKernel, Role, SharedText, affine
from tinycc_ml.loopir import build as b

#: Channels that a step widens.
CHANNELS = 4
_STEP = (
    "ldr r4, [r0], #4",
    "ldr r5, [r3], #4",
    "sxtb16 r2, r4",
    "sxtb16 r6, r5",
    "sxtb16 r7, r4, ror #8",
    "sxtb16 r8, r5, ror #8",
    "stm r1!, {r2, r6-r8}",
)


def widen_pair_intrinsic(channels: int) -> Intrinsic:
    """Widens two pixels one behind the other; the parameters are input and output.

    Each four channels come in the order 0, 2, 1, 3, two in a word. The output must be aligned to
    words; the input need not be, as single loads may be unaligned.

    Args:
        channels: Of a pixel; a multiple of 4.
    """
    text = SharedText(
        "widen_pair_s8_s16__dsp_any",
        _text(),
        (
            "Widens two pixels of any number of channels; words of the two take turns.",
            "r0, r3: pixels; r1: output; r2, r6-r8: four words widened; r12: the end of the first.",
        ),
    )
    name = f"{text.name}_{channels}"
    comment = (f"Widens two pixels of {channels} channels; words of the two take turns.",)
    return Intrinsic(
        name, _meaning(name, channels), "dsp", (), comment, shared=text, sizes=(channels,)
    )


def _meaning(name: str, channels: int) -> LoopKernel:
    x = Buffer("input", DType.INT8, (2 * channels,), Role.INPUT)
    y = Buffer("output", DType.INT16, (2 * channels,), Role.OUTPUT)
    four, odd, pixel, half = map(affine, ("four", "odd", "pixel", "half"))
    target = four * 8 + odd * 4 + pixel * 2 + half
    source = pixel * channels + four * CHANNELS + odd + half * 2
    loops = [("four", channels // CHANNELS), ("odd", 2), ("pixel", 2), ("half", 2)]
    return LoopKernel(name, (x, y), b.nest(loops, b.store(y, (target,), b.load(x, source))))


def _text() -> tuple[str, ...]:
    lines = (
        *("push {r4-r8}", "ldrh r3, [r2]", "add r3, r0, r3", "mov r12, r3", "ldrh r2, [r2]"),
        *("tst r2, #4", "beq 1f", *_STEP),
        *("cmp r0, r12", "beq 2f", "1:  @ eight channels", *_STEP, *_STEP),
        *("cmp r0, r12", "bne 1b", "2:  @ the end", "pop {r4-r8}", "bx lr"),
    )
    return tuple(line if line[0].isdigit() else f"  {line}" for line in lines)
