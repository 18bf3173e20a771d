"""Gathering four channels of some pixels into planes (:mod:`depthwise_planes_tile` has the layout).

A word of the input holds four channels of a pixel. From two pixels SXTB16 and PKH make the words of
the four channels, 11 instructions for eight elements. A pixel whose neighbour is padding is stored
by halves, so that the padding stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.kernels.dsp.depthwise_planes_tile import CHANNELS, WORD_ELEMENTS
from tinycc_ml.kernels.dsp.instructions import OFFSET_LIMIT
from tinycc_ml.loopir import Affine, Buffer, For, Intrinsic, LoopKernel, Role, Stmt, affine
from tinycc_ml.loopir import build as b

#: So many pairs of pixels stand in a row without a loop; in a loop, as many as divide them best,
#: or else so few that what is left over takes little code.
_UNROLL = 6
_LOOPED = (4, 3, 2)
_LOOPED_WITH_REST = 3


@dataclass(frozen=True, slots=True)
class Gather:
    """What is gathered; distances are in elements.

    Attributes:
        lines: Lines.
        pixels: Pixels of a line.
        is_odd: Whether the first pixel goes to the second half of a word.
        pixel_step: Distance between pixels of the input.
        line_step: Distance between lines of the input.
        target_step: Distance between lines of the planes.
    """

    lines: int
    pixels: int
    is_odd: bool
    pixel_step: int
    line_step: int
    target_step: int

    @property
    def name(self) -> str:
        """Distinct for distinct gathers."""
        odd = "_odd" if self.is_odd else ""
        steps = f"{self.pixel_step}_{self.line_step}_{self.target_step}"
        return f"gather_s8_s16__dsp_{self.lines}x{self.pixels}_s{steps}{odd}"

    @property
    def pairs(self) -> int:
        """Whole words of a line."""
        return (self.pixels - self.is_odd) // 2

    @property
    def has_last(self) -> bool:
        """Whether the last pixel of a line has a word of its own."""
        return (self.pixels - self.is_odd) % 2 == 1

    @property
    def source_elements(self) -> int:
        """From the first element of the input to the last one, inclusive."""
        lines = (self.lines - 1) * self.line_step
        return lines + (self.pixels - 1) * self.pixel_step + CHANNELS

    @property
    def target_elements(self) -> int:
        """The planes from the word of the first pixel to that of the last, inclusive."""
        words = self.is_odd + self.pairs + self.has_last
        return (self.lines - 1) * self.target_step + words * WORD_ELEMENTS


def gather_problem(gather: Gather) -> str | None:
    """Why the instructions cannot reach the pixels, or ``None``."""
    if gather.pixel_step > OFFSET_LIMIT:
        return f"pixels lie {gather.pixel_step} bytes apart; allowed up to {OFFSET_LIMIT}"
    return None


def gather_intrinsic(gather: Gather) -> Intrinsic:
    """The gather as an intrinsic with the parameters input and planes."""
    comment = (
        f"Gathers {CHANNELS} channels of {gather.lines} lines of {gather.pixels} pixels.",
        "r0: input; r1: planes; r2-r5: words of the channels; r6-r11: pixels.",
        "r12: lines to go; lr: the end of the loop.",
    )
    meaning = gather_meaning(gather, gather.name)
    return Intrinsic(gather.name, meaning, "dsp", _Assembler(gather).run(), comment)


def gather_meaning(g: Gather, name: str) -> LoopKernel:
    """What is gathered, as a kernel of that name."""
    x = Buffer("input", DType.INT8, (g.source_elements,), Role.INPUT)
    planes = Buffer("planes", DType.INT16, (g.target_elements,), Role.OUTPUT)

    def copy(pixel: Affine, word: Affine, half: int, channel: str) -> Stmt:
        source = affine("line") * g.line_step + pixel * g.pixel_step + affine(channel)
        target = affine("line") * g.target_step + word * WORD_ELEMENTS + affine(channel) * 2 + half
        return b.store(planes, (target,), b.load(x, source))

    body: tuple[Stmt, ...] = ()
    if g.is_odd:
        body += (For("first", CHANNELS, (copy(affine(0), affine(0), 1, "first"),)),)
    if g.pairs:
        pixel, word = affine("pair") * 2 + int(g.is_odd), affine("pair") + int(g.is_odd)
        both = (copy(pixel, word, 0, "channel"), copy(pixel + 1, word, 1, "channel"))
        body += b.nest([("pair", g.pairs), ("channel", CHANNELS)], *both)
    if g.has_last:
        pixel, word = affine(g.pixels - 1), affine(g.is_odd + g.pairs)
        body += (For("last", CHANNELS, (copy(pixel, word, 0, "last"),)),)
    return LoopKernel(name, (x, planes), (For("line", g.lines, body),))


def store_halves(offset: int) -> Iterator[str]:
    """Lines that store a pixel at r0 in halves of the words at r1."""
    yield from ("  ldr r2, [r0]", "  sxtb16 r3, r2", "  sxtb16 r2, r2, ror #8")
    yield from (f"  strh r3, [r1, #{offset}]", f"  strh r2, [r1, #{offset + 4}]")
    yield from ("  lsr r3, r3, #16", "  lsr r2, r2, #16")
    yield from (f"  strh r3, [r1, #{offset + 8}]", f"  strh r2, [r1, #{offset + 12}]")


def split_pixels(low: str, high: str) -> Iterator[str]:
    """Instructions that store two pixels as words of four channels."""
    yield from (f"sxtb16 r8, {low}", f"sxtb16 r9, {high}")
    yield from (f"sxtb16 {low}, {low}, ror #8", f"sxtb16 {high}, {high}, ror #8")
    yield from ("pkhbt r2, r8, r9, lsl #16", f"pkhbt r3, {low}, {high}, lsl #16")
    yield from ("pkhtb r4, r9, r8, asr #16", f"pkhtb r5, {high}, {low}, asr #16")
    yield "stm r1!, {r2-r5}"


class _Assembler:
    def __init__(self, gather: Gather) -> None:
        self.gather = gather
        self.lines: list[str] = []

    def run(self) -> tuple[str, ...]:
        g = self.gather
        self.add("push {r4-r11, lr}")
        if g.lines > 1:
            self.add(f"movw r12, #{g.lines}")
            self.lines.append("1:  @ a line")
        words = 0
        if g.is_odd:
            self.lines += store_halves(2)
            self.advance("r0", g.pixel_step)
            words += 1
            self.add(f"add r1, r1, #{2 * WORD_ELEMENTS}")
        self.pairs()
        words += g.pairs
        if g.has_last:
            self.lines += store_halves(0)
        if g.lines > 1:
            self.advance("r0", g.line_step - (g.is_odd + 2 * g.pairs) * g.pixel_step)
            self.advance("r1", 2 * (g.target_step - words * WORD_ELEMENTS))
            self.add("subs r12, r12, #1", "bne 1b")
        self.add("pop {r4-r11, pc}")
        return tuple(self.lines)

    def add(self, *instructions: str) -> None:
        self.lines += [f"  {instruction}" for instruction in instructions]

    def advance(self, register: str, distance: int) -> None:
        """Moves a pointer; r6 is free."""
        size, operation = abs(distance), "add" if distance > 0 else "sub"
        if size > OFFSET_LIMIT:
            self.add(f"movw r6, #{size & 0xFFFF}")
            if size >> 16:
                self.add(f"movt r6, #{size >> 16}")
            self.add(f"{operation} {register}, {register}, r6")
        elif size:
            self.add(f"{operation} {register}, {register}, #{size}")

    def pairs(self) -> None:
        pairs = self.gather.pairs
        unroll = pairs
        if pairs > _UNROLL:
            unroll = next((u for u in _LOOPED if pairs % u == 0), _LOOPED_WITH_REST)
        turns = pairs // unroll if unroll else 0
        if turns > 1:
            self.add(f"movw lr, #{turns}")
            self.lines.append("2:  @ pairs of pixels")
        self.words(unroll)
        if turns > 1:
            self.add("subs lr, lr, #1", "bne 2b")
        self.words(pairs - turns * unroll)

    def words(self, count: int) -> None:
        """Pairs of pixels, two at a time; r0 and r1 move on."""
        step = self.gather.pixel_step
        at = 0
        for first in range(0, count, 2):
            registers = [("r6", "r7"), ("r10", "r11")][: count - first]
            pixels = [r for pair in registers for r in pair]
            if (at + len(pixels) - 1) * step > OFFSET_LIMIT:
                self.advance("r0", at * step)
                at = 0
            self.load(pixels, at)
            at += len(pixels)
            for low, high in registers:
                self.add(*split_pixels(low, high))
        self.advance("r0", at * step)

    def load(self, registers: list[str], first: int) -> None:
        """Loads pixels, so many behind r0."""
        step = self.gather.pixel_step
        if (first + len(registers) - 1) * step <= OFFSET_LIMIT:
            offsets = (f"[r0, #{(first + i) * step}]" for i in range(len(registers)))
            self.add(*(f"ldr {r}, {o}" for r, o in zip(registers, offsets, strict=True)))
            return
        # Too far apart for offsets: the pointer walks, and comes back.
        for register in registers:
            self.add(f"ldr {register}, [r0]", f"add r0, r0, #{step}")
        self.add(*(f"sub r0, r0, #{step}" for _ in registers))
