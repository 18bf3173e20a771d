"""The gather of :mod:`depthwise_planes_gather` with one text for any number of lines and pixels."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.kernels.dsp.depthwise_planes_gather import (
    Gather,
    gather_meaning,
    split_pixels,
    store_halves,
)
from tinycc_ml.kernels.dsp.depthwise_planes_tile import CHANNELS, WORD_ELEMENTS
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES
from tinycc_ml.loopir import Intrinsic, SharedText

_WORD_BYTES = WORD_ELEMENTS * ELEMENT_BYTES
_LARGEST_SIZE = 65535
#: The frame in bytes from the stack pointer: start of the line, distances of lines; then lines to
#: go, pairs of pixels, and whether there are single pixels.
_SOURCE, _TARGET, _SOURCE_STEP, _TARGET_STEP, _LINES, _PAIRS, _SINGLES, _FRAME_BYTES = range(
    0, 32, 4
)


def shared_gather_intrinsic(gather: Gather) -> Intrinsic:
    """The gather as an intrinsic with the parameters input and planes."""
    text = SharedText(
        "gather_s8_s16__dsp_any",
        tuple(_text()),
        (
            f"Gathers {CHANNELS} channels of any number of lines of any length.",
            "r0: input; r1: planes; r2-r5: words of the channels; r6-r11: pixels.",
            "r12: distance of pixels; lr: pairs to go.",
        ),
    )
    name = gather.name.replace("__dsp_", "__dsp_any_")
    comment = f"Gathers {CHANNELS} channels of {gather.lines} lines of {gather.pixels} pixels."
    meaning = gather_meaning(gather, name)
    return Intrinsic(name, meaning, "dsp", (), (comment,), shared=text, sizes=_sizes(gather))


def shared_gather_problem(gather: Gather) -> str | None:
    """Why the text cannot gather, or ``None``."""
    largest = max(_sizes(gather))
    if largest > _LARGEST_SIZE:
        return f"lines lie {largest} bytes apart; allowed up to {_LARGEST_SIZE}"
    return None


def _sizes(g: Gather) -> tuple[int, ...]:
    """Distances in bytes, lines, pairs, and bits for a first and a last pixel on their own."""
    steps = (g.pixel_step, g.line_step, ELEMENT_BYTES * g.target_step)
    return (*steps, g.lines, g.pairs, int(g.is_odd) + 2 * int(g.has_last))


def _text() -> Iterator[str]:
    yield from ("  push {r4-r11, lr}", f"  sub sp, sp, #{_FRAME_BYTES}", "  ldrh r12, [r2]")
    yield from (f"  ldrh r{i}, [r2, #{2 * (i - 2)}]" for i in (3, 4, 5, 6, 7))
    yield from (f"  add r8, sp, #{_SOURCE_STEP}", "  stm r8, {r3-r7}")
    yield from ("1:  @ a line", f"  strd r0, r1, [sp, #{_SOURCE}]")
    yield from (f"  ldr r2, [sp, #{_SINGLES}]", "  tst r2, #1", "  beq 2f")
    yield from store_halves(2)
    yield from ("  add r0, r0, r12", f"  add r1, r1, #{_WORD_BYTES}")
    yield from ("2:  @ pairs of pixels", f"  ldr lr, [sp, #{_PAIRS}]", "  lsrs lr, lr, #1")
    yield from ("  bcc 3f", *_pair(), "3:  @ two pairs each", "  cmp lr, #0", "  beq 5f", "4:")
    yield from (*_pair(), *_pair(), "  subs lr, lr, #1", "  bne 4b")
    yield from ("5:  @ the last pixel", f"  ldr r2, [sp, #{_SINGLES}]", "  tst r2, #2", "  beq 6f")
    yield from store_halves(0)
    yield from ("6:  @ the next line", f"  ldrd r0, r1, [sp, #{_SOURCE}]")
    yield from (f"  ldrd r2, r3, [sp, #{_SOURCE_STEP}]", f"  ldr r8, [sp, #{_LINES}]")
    yield from ("  add r0, r0, r2", "  add r1, r1, r3", "  subs r8, r8, #1")
    yield from (f"  str r8, [sp, #{_LINES}]", "  bne 1b")
    yield from (f"  add sp, sp, #{_FRAME_BYTES}", "  pop {r4-r11, pc}")


def _pair() -> Iterator[str]:
    yield from ("  ldr r6, [r0]", "  ldr r7, [r0, r12]", "  add r0, r0, r12, lsl #1")
    yield from (f"  {line}" for line in split_pixels("r6", "r7"))
