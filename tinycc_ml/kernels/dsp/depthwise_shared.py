"""Depthwise tiles on planes whose text serves any number and length of lines.

Rows of the kernel lie a line of the planes apart: with that distance in a register, a load reaches
three of them. The planes' pointer walks from word to word. Outputs of a line come in fours, and the
rest in twos, of which the last may be one: so lines of the planes have room for an even number.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.kernels.dsp.depthwise_planes_assembly import PlanesAssembler
from tinycc_ml.kernels.dsp.depthwise_planes_meaning import planes_meaning
from tinycc_ml.kernels.dsp.depthwise_planes_tile import (
    CHANNELS,
    SCALE_WORDS,
    WORD_ELEMENTS,
    PlanesTile,
)
from tinycc_ml.kernels.dsp.instructions import clamp
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES
from tinycc_ml.loopir import Intrinsic, SharedText

#: The frame in bytes from the stack pointer: bias, multiplier, rounding, exponent of the channel;
_BIAS, _MULTIPLIER, _EXPONENT = 0, 4, 12
#: where the next output goes, and the sizes in the order of :func:`_sizes`;
_OUTPUT, _STEP, _FOURS, _LINE, _LINE_STEP, _ROW, _PLANES_STEP, _PLANES = range(16, 48, 4)
#: ends of what is computed in fours, of the line, of all lines;
_FOURS_END, _LINE_END, _LINES_END = range(48, 60, 4)
#: starts of the line, and of the channel.
_LINE_PLANES, _LINE_OUTPUT, _FIRST_PLANES, _FIRST_OUTPUT, _STREAM, _LAST = range(60, 84, 4)
_FRAME_BYTES = 84
_LARGEST_SIZE = 65535
_FIRST_SUM = 6
_WORD_BYTES = WORD_ELEMENTS * ELEMENT_BYTES
#: How far a load can move its address.
_POST_INDEX_LIMIT = 255
_PLAN = (
    "r0-r5: weights of the channel",
    "r6-r9: sums of outputs; r10, r11: words of the planes, then constants",
    "r12: the planes; lr: distance between rows of the kernel",
)


def shared_depthwise_intrinsic(tile: PlanesTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters planes, stream, output."""
    size = f"{tile.rows}x{tile.taps} taps each, {tile.stride} apart"
    text = SharedText(
        tile.shared_name,
        _Assembler(tile).run(),
        (
            f"{CHANNELS} channels of any number of lines of any length, {size}: sums, "
            "requantization and stores.",
            *(f"{line}." for line in _PLAN),
        ),
    )
    comment = f"{CHANNELS} channels of {tile.lines} lines of {tile.outputs} outputs."
    return Intrinsic(
        tile.name, planes_meaning(tile), "dsp", (), (comment,), shared=text, sizes=_sizes(tile)
    )


def shared_planes_problem(tile: PlanesTile) -> str | None:
    """Why the text cannot compute a tile, or ``None``."""
    asm = _Assembler(tile)
    if tile.rows > 3 or not asm.is_resident:
        return f"a kernel of {tile.rows}x{tile.taps}; allowed 3 rows, and weights in 6 registers"
    for outputs in (2, 4):
        beyond = asm.words_of(outputs) - 1 - asm.words_between(outputs)
        if beyond > 0 or -beyond * _WORD_BYTES > _POST_INDEX_LIMIT:
            return f"{tile.taps} taps at stride {tile.stride}"
    if max(_sizes(tile)) > _LARGEST_SIZE:
        return f"lines of {max(_sizes(tile))} bytes; allowed up to {_LARGEST_SIZE}"
    return None


def _sizes(tile: PlanesTile) -> tuple[int, ...]:
    """What the text reads from its table; distances are in bytes."""
    asm = _Assembler(tile)
    return (
        tile.output_step,
        tile.outputs // 4 * 4 * tile.output_step,
        tile.outputs * tile.output_step,
        tile.line_step,
        asm.row_bytes,
        asm.step_bytes,
        tile.lines * asm.step_bytes,
    )


class _Assembler(PlanesAssembler):
    """Writes the text; of the tile it only uses what is part of the text's name."""

    def words_between(self, outputs: int) -> int:
        """Words from the first one of a block to that of the next."""
        return outputs * self.tile.stride // 2

    def run(self) -> tuple[str, ...]:
        """All lines."""
        self.add("push {r4-r11, lr}", f"sub sp, sp, #{_FRAME_BYTES}")
        self.add(f"add r4, sp, #{_FIRST_PLANES}", f"add r12, r0, #{4 * (CHANNELS - 1)}")
        self.add("mov r5, r0", "mov r6, r2", "stm r4, {r5, r6}")
        self.add(f"str r1, [sp, #{_STREAM}]", f"str r12, [sp, #{_LAST}]")
        self.add(*(f"ldrh r{4 + i}, [r3, #{2 * i}]" for i in range(7)))
        self.add(f"add r3, sp, #{_STEP}", "stm r3, {r4-r10}")
        self.label(1, "a channel")
        self.start_channel()
        self.label(2, "a line")
        self.start_line()
        self.label(3, "four outputs")
        self.outputs(4)
        self.store_four()
        self.label(4, "two outputs, or one")
        self.outputs(2)
        self.store_two()
        self.label(5, "the next line")
        self.end_line()
        self.end_channel()
        self.add(f"add sp, sp, #{_FRAME_BYTES}", "pop {r4-r11, pc}")
        return tuple(self.lines)

    def start_channel(self) -> None:
        """Constants into the frame, weights into registers, pointers to the first line."""
        words = self.tile.weight_words
        self.add(f"ldr lr, [sp, #{_STREAM}]", f"ldm lr!, {{r6-r{5 + SCALE_WORDS}}}")
        self.add(f"stm sp, {{r6-r{5 + SCALE_WORDS}}}")
        self.add(f"ldm lr!, {{r0-r{words - 1}}}" if words > 1 else "ldr r0, [lr], #4")
        self.add(f"str lr, [sp, #{_STREAM}]", f"ldr lr, [sp, #{_ROW}]")
        self.add(f"ldr r12, [sp, #{_FIRST_PLANES}]", f"ldr r10, [sp, #{_FIRST_OUTPUT}]")
        self.add(f"ldr r11, [sp, #{_PLANES}]", "add r11, r12, r11", f"str r11, [sp, #{_LINES_END}]")

    def start_line(self) -> None:
        """The line starts at r12 in the planes, and at r10 in the output."""
        self.add(f"str r12, [sp, #{_LINE_PLANES}]", f"str r10, [sp, #{_LINE_OUTPUT}]")
        self.add(f"str r10, [sp, #{_OUTPUT}]")
        self.add(f"ldr r11, [sp, #{_LINE}]", f"ldr r8, [sp, #{_FOURS}]")
        self.add("add r11, r10, r11", f"str r11, [sp, #{_LINE_END}]")
        self.add("add r8, r10, r8", f"str r8, [sp, #{_FOURS_END}]", "cmp r8, r10", "beq 4f")

    def outputs(self, count: int) -> None:
        """The outputs of a block."""
        sums = [f"r{_FIRST_SUM + i}" for i in range(count)]
        self.add(f"ldr {sums[-1]}, [sp, #{_BIAS}]")
        self.products(sums)
        self.rescale(sums)

    def products(self, sums: Sequence[str]) -> None:
        """All products, word by word; r12 moves on to the next block."""
        last, started = self.words_of(len(sums)) - 1, set[str]()
        for word in range(last + 1):
            moved = 1 if word < last else self.words_between(len(sums)) - last
            rows = [*range(1, self.tile.rows), 0]
            for first in range(0, len(rows), 2):
                pair = list(zip(("r10", "r11"), rows[first : first + 2], strict=False))
                self.add(*(f"ldr {x}, {self.address(row, moved)}" for x, row in pair))
                for x, row in pair:
                    self.multiply(sums, started, (row, word), x)

    def address(self, row: int, moved: int) -> str:
        """A word in a row of the kernel; row 0 is the last to be read, and moves on."""
        if row:
            return "[r12, lr]" if row == 1 else "[r12, lr, lsl #1]"
        return f"[r12], #{moved * _WORD_BYTES}" if moved else "[r12]"

    def multiply(
        self, sums: Sequence[str], started: set[str], where: tuple[int, int], x: str
    ) -> None:
        """The products of a word of the planes; the sum that starts last holds the bias before."""
        row, word = where
        for output, total in enumerate(sums):
            for p in self.tile.products(output):
                if p.word == word:
                    start = total if total in started else sums[-1]
                    started.add(total)
                    weight = f"r{row * len(self.tile.weight_starts) + p.weight}"
                    self.add(f"smla{p.halves or 'd'} {total}, {x}, {weight}, {start}")

    def rescale(self, sums: Sequence[str]) -> None:
        """Sums to outputs."""
        self.add(f"ldrd r10, r11, [sp, #{_MULTIPLIER}]")
        for a in sums:
            if self.tile.corrects_sign:
                self.add(f"add lr, r11, {a}, asr #31", f"smmlar {a}, {a}, r10, lr")
            else:
                self.add(f"smmlar {a}, {a}, r10, r11")
        if self.tile.corrects_sign:
            self.add(f"ldr lr, [sp, #{_ROW}]")
        self.add(f"ldr r10, [sp, #{_EXPONENT}]", *(f"asr {a}, {a}, r10" for a in sums))
        for a in sums:
            self.add(*clamp(a, self.tile.low, self.tile.high))
        self.add(f"ldrd r10, r11, [sp, #{_OUTPUT}]")

    def store_four(self) -> None:
        """Four outputs from r10 on, r11 apart."""
        self.add("strb r6, [r10]", "strb r7, [r10, r11]", "add r10, r10, r11, lsl #1")
        self.add("strb r8, [r10]", "strb r9, [r10, r11]", "add r10, r10, r11, lsl #1")
        self.add(f"str r10, [sp, #{_OUTPUT}]")
        self.branch_if_not_at(_FOURS_END, 3)
        self.add(f"ldr r11, [sp, #{_LINE_END}]", "cmp r10, r11", "beq 5f")

    def store_two(self) -> None:
        """One output, and another one if the line goes on."""
        self.add("strb r6, [r10]", f"ldr r8, [sp, #{_LINE_END}]", "add r10, r10, r11")
        self.add("cmp r10, r8", "beq 5f", "strb r7, [r10]", "add r10, r10, r11")
        self.add(f"str r10, [sp, #{_OUTPUT}]", "cmp r10, r8", "bne 4b")

    def branch_if_not_at(self, slot: int, label: int) -> None:
        """Back to a label, unless r10 has reached what is in a slot."""
        self.add(f"ldr r11, [sp, #{slot}]", "cmp r10, r11", f"bne {label}b")

    def end_line(self) -> None:
        """Pointers to the next line."""
        self.add(f"ldr r12, [sp, #{_LINE_PLANES}]", f"ldr r8, [sp, #{_PLANES_STEP}]")
        self.add(f"ldr r10, [sp, #{_LINE_OUTPUT}]", f"ldr r9, [sp, #{_LINE_STEP}]")
        self.add("add r12, r12, r8", "add r10, r10, r9")
        self.add(f"ldr r11, [sp, #{_LINES_END}]", "cmp r12, r11", "bne 2b")

    def end_channel(self) -> None:
        """Pointers to the next channel."""
        self.add(f"ldr r10, [sp, #{_FIRST_OUTPUT}]", "add r10, r10, #1")
        self.add(f"ldr r12, [sp, #{_FIRST_PLANES}]", f"ldr r11, [sp, #{_LAST}]")
        self.add(f"str r10, [sp, #{_FIRST_OUTPUT}]", "cmp r12, r11", "add r12, r12, #4")
        self.add(f"str r12, [sp, #{_FIRST_PLANES}]", "bne 1b")
