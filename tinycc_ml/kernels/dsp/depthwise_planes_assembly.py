"""The assembly of a depthwise tile on planes.

Up to four outputs of a line are computed together: a word of the planes is loaded once for all of
them. With a 3x3 kernel at stride 1 that is 9 loads and 24 multiply-accumulates for 36 products.
Where the weights of a channel fit six registers they stay there; else they are loaded on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

from tinycc_ml.kernels.dsp.depthwise_planes_operands import MultiplyAccumulate, with_loads
from tinycc_ml.kernels.dsp.depthwise_planes_tile import (
    CHANNELS,
    SCALE_WORDS,
    WORD_ELEMENTS,
    PlanesTile,
)
from tinycc_ml.kernels.dsp.instructions import OFFSET_LIMIT, clamp
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES

#: The frame in bytes from the stack pointer: bias, multiplier, rounding, exponent of the channel,
#: then what has no register.
_BIAS, _MULTIPLIER, _EXPONENT = 0, 4, 12
_PLANES, _STREAM, _OUTPUT, _CHANNEL_END, _LINE_END, _RUN_END, _SPARE = 16, 20, 24, 28, 32, 36, 40
_FRAME_BYTES = 44
#: Outputs that are computed together, in r6 to r9.
_TOGETHER, _FIRST_SUM = 4, 6
#: Registers for weights that stay.
_RESIDENT = 6
#: So many blocks of outputs stand in a row without a loop.
_UNROLL = 3
_WORD_BYTES = WORD_ELEMENTS * ELEMENT_BYTES

PLAN = (
    "r0-r5: weights of the channel, or their address and words of them",
    "r6-r9: sums of outputs; r10, r11: words of the planes, then constants",
    "r12: the planes; lr: the output",
)


def tile_problem(tile: PlanesTile) -> str | None:
    """Why the instructions cannot reach all data of a tile, or ``None``."""
    asm = PlanesAssembler(tile)
    rows_bytes = asm.row_bytes * (tile.rows - 1)
    if rows_bytes + _WORD_BYTES * asm.words_of(_TOGETHER) > OFFSET_LIMIT:
        return f"first and last row of the kernel lie {rows_bytes} bytes apart in the planes"
    if tile.output_step > OFFSET_LIMIT:
        return f"outputs lie {tile.output_step} bytes apart; allowed up to {OFFSET_LIMIT}"
    return None


def assemble(tile: PlanesTile) -> tuple[str, ...]:
    """The lines of the naked function ``(const int16_t *, const int32_t *, int8_t *)``."""
    return PlanesAssembler(tile).run()


def block_instructions(tile: PlanesTile) -> int:
    """Instructions of all blocks of a channel, loops left aside: what layouts are compared by."""
    full, rest = divmod(tile.outputs, _TOGETHER)
    line = full * PlanesAssembler(tile).block_length(_TOGETHER)
    return tile.lines * (line + (PlanesAssembler(tile).block_length(rest) if rest else 0))


@dataclass(frozen=True, slots=True)
class _Block:
    """Outputs computed together, in a line or, unrolled, in one of several lines.

    Attributes:
        count: How many.
        source_bytes: Their first word behind r12.
        target_bytes: The first of them behind lr.
    """

    count: int
    source_bytes: int
    target_bytes: int


@dataclass
class PlanesAssembler:
    """Writes the text of a tile; of its parts also that of tiles of any size."""

    tile: PlanesTile
    lines: list[str] = field(default_factory=list)

    @property
    def row_bytes(self) -> int:
        """From one row of the kernel to the next, in the planes."""
        return self.tile.row_lines * self.tile.line_elements * ELEMENT_BYTES

    @property
    def step_bytes(self) -> int:
        """From one line of the output to the next, in the planes."""
        return self.tile.step_lines * self.tile.line_elements * ELEMENT_BYTES

    @property
    def is_resident(self) -> bool:
        """Whether the weights of a channel stay in registers."""
        return self.tile.weight_words <= _RESIDENT

    @property
    def pool(self) -> list[str]:
        """Registers for words of the planes, and of weights that do not stay."""
        first = self.tile.weight_words if self.is_resident else 1
        return ["r10", "r11", *(f"r{i}" for i in range(first, _RESIDENT))]

    def words_of(self, outputs: int) -> int:
        """Words of a line that so many outputs read."""
        return ((outputs - 1) * self.tile.stride + self.tile.taps + 1) // 2

    def run(self) -> tuple[str, ...]:
        """All lines."""
        self.add("push {r4-r11, lr}", f"sub sp, sp, #{_FRAME_BYTES}")
        self.add(f"add r3, r0, #{4 * CHANNELS}")
        self.add(f"str r0, [sp, #{_PLANES}]", f"str r2, [sp, #{_OUTPUT}]")
        self.add(f"str r3, [sp, #{_CHANNEL_END}]")
        self.add(f"str r1, [sp, #{_STREAM}]" if self.is_resident else "mov r0, r1")
        self.label(1, "a channel")
        self.start_channel()
        self.channel()
        self.end_channel()
        self.add(f"add sp, sp, #{_FRAME_BYTES}", "pop {r4-r11, pc}")
        return tuple(self.lines)

    def block_length(self, count: int) -> int:
        """Instructions of a block."""
        asm = PlanesAssembler(self.tile)
        asm.block(_Block(count, 0, 0))
        return sum(not line.lstrip().startswith("@") for line in asm.lines)

    # Layout of the text

    def add(self, *instructions: str) -> None:
        """Instructions."""
        self.lines += [f"  {instruction}" for instruction in instructions]

    def note(self, text: str) -> None:
        """A comment."""
        self.lines.append(f"  @ {text}")

    def label(self, number: int, text: str) -> None:
        """A label with a comment."""
        self.lines.append(f"{number}:  @ {text}")

    def advance(self, target: str, source: str, distance: int) -> None:
        """``target = source + distance``; r11 is lost where the distance is large."""
        size, operation = abs(distance), "add" if distance > 0 else "sub"
        if 0 < size <= OFFSET_LIMIT:
            self.add(f"{operation} {target}, {source}, #{size}")
        elif size:
            self.add(f"movw r11, #{size & 0xFFFF}")
            if size >> 16:
                self.add(f"movt r11, #{size >> 16}")
            self.add(f"{operation} {target}, {source}, r11")
        elif target != source:
            self.add(f"mov {target}, {source}")

    def branch_until(self, register: str, slot: int, label: int) -> None:
        """Back to a label, unless the register has reached what is in a slot."""
        self.add(f"ldr r10, [sp, #{slot}]", f"cmp {register}, r10", f"bne {label}b")

    # A channel

    def start_channel(self) -> None:
        """Constants into the frame, weights into registers, pointers to the first output."""
        if self.is_resident:
            words = self.tile.weight_words
            self.add(f"ldr lr, [sp, #{_STREAM}]", f"ldm lr!, {{r6-r{5 + SCALE_WORDS}}}")
            self.add(f"ldm lr!, {{r0-r{words - 1}}}" if words > 1 else "ldr r0, [lr], #4")
            self.add(f"str lr, [sp, #{_STREAM}]")
        else:
            self.add(f"ldm r0!, {{r6-r{5 + SCALE_WORDS}}}")
        self.add(f"stm sp, {{r6-r{5 + SCALE_WORDS}}}")
        if self.needs_spare:
            self.add(f"str r{_RESIDENT - 1}, [sp, #{_SPARE}]")
        self.add(f"ldr r12, [sp, #{_PLANES}]", f"ldr lr, [sp, #{_OUTPUT}]")

    def end_channel(self) -> None:
        """Pointers to the next channel."""
        if not self.is_resident:
            self.advance("r0", "r0", 4 * self.tile.weight_words)
        for slot, register, step in ((_OUTPUT, "lr", 1), (_PLANES, "r12", 4)):
            self.add(f"ldr {register}, [sp, #{slot}]", f"add {register}, {register}, #{step}")
            self.add(f"str {register}, [sp, #{slot}]")
        self.branch_until("r12", _CHANNEL_END, 1)

    def channel(self) -> None:
        """All outputs of a channel."""
        tile = self.tile
        full, rest = divmod(tile.outputs, _TOGETHER)
        if tile.lines * (full + bool(rest)) <= _UNROLL and self.reaches(tile.lines, tile.outputs):
            for line in range(tile.lines):
                self.blocks(full, rest, line)
            return
        if tile.lines > 1:
            self.advance("r10", "r12", tile.lines * self.step_bytes)
            self.add(f"str r10, [sp, #{_LINE_END}]")
            self.label(2, "a line")
        done = self.line(full, rest)
        if tile.lines > 1:
            self.advance("r12", "r12", self.step_bytes - done * tile.stride * _WORD_BYTES // 2)
            self.advance("lr", "lr", tile.line_step - done * tile.output_step)
            self.branch_until("r12", _LINE_END, 2)

    def reaches(self, lines: int, outputs: int) -> bool:
        """Whether offsets reach all data of so many lines and outputs of a line."""
        tile = self.tile
        source = (lines - 1) * self.step_bytes + (tile.rows - 1) * self.row_bytes
        source += _WORD_BYTES * self.words_of(outputs)
        target = (lines - 1) * tile.line_step + (outputs - 1) * tile.output_step
        return source <= OFFSET_LIMIT and target <= OFFSET_LIMIT

    def line(self, full: int, rest: int) -> int:
        """A line; returns the outputs by which r12 and lr have moved."""
        if full <= _UNROLL and (not full or self.reaches(1, self.tile.outputs)):
            self.blocks(full, rest, 0)
            return 0
        unroll = self.unroll(full)
        turns, more = divmod(full, unroll)
        outputs = unroll * _TOGETHER
        source_bytes = outputs * self.tile.stride * _WORD_BYTES // 2
        if turns > 1:
            self.advance("r10", "r12", turns * source_bytes)
            self.add(f"str r10, [sp, #{_RUN_END}]")
            self.label(3, f"{outputs} outputs")
        self.blocks(unroll, 0, 0)
        self.advance("r12", "r12", source_bytes)
        self.advance("lr", "lr", outputs * self.tile.output_step)
        if turns > 1:
            self.branch_until("r12", _RUN_END, 3)
        self.blocks(more, rest, 0)
        return turns * outputs

    def unroll(self, full: int) -> int:
        """Blocks in the body of the loop; what is left over behind it must be in reach, too."""
        fitting = [u for u in range(min(_UNROLL, full), 1, -1) if self.reaches(1, u * _TOGETHER)]
        return next((u for u in fitting if full % u == 0), fitting[0] if fitting else 1)

    def blocks(self, full: int, rest: int, line: int) -> None:
        """Blocks without a loop."""
        tile = self.tile
        for number, count in enumerate([_TOGETHER] * full + [rest] * bool(rest)):
            first = number * _TOGETHER
            source = line * self.step_bytes + first * tile.stride * _WORD_BYTES // 2
            self.block(_Block(count, source, line * tile.line_step + first * tile.output_step))

    # A block

    def block(self, block: _Block) -> None:
        """The outputs of a block."""
        sums = [f"r{_FIRST_SUM + i}" for i in range(block.count)]
        self.note(f"{block.count} outputs: sums")
        # The sum that starts last holds the bias until then.
        self.add(f"ldr {sums[-1]}, [sp, #{_BIAS}]")
        self.add(*with_loads(self.steps(block, sums), self.pool))
        self.requantize(sums)
        self.store(block, sums)

    def steps(self, block: _Block, sums: Sequence[str]) -> list[MultiplyAccumulate]:
        """The products of a block in order."""
        tile, started = self.tile, set[str]()
        per_row = len(tile.weight_starts)
        terms = [
            (row, p.word, p.weight, output, p.halves or "d")
            for row, output in product(range(tile.rows), range(block.count))
            for p in tile.products(output)
        ]
        # By word of the planes, or where weights are loaded too, by word of weights: each operand
        # is loaded once, and used up soon.
        order = (0, 1, 3) if self.is_resident else (0, 2, 3)
        steps = []
        for row, word, weight, output, halves in sorted(terms, key=lambda t: [t[i] for i in order]):
            offset = block.source_bytes + row * self.row_bytes + word * _WORD_BYTES
            index = row * per_row + weight
            where = f"r{index}" if self.is_resident else f"[r0, #{4 * index}]"
            total = sums[output]
            start = total if total in started else sums[-1]
            started.add(total)
            step = MultiplyAccumulate(f"smla{halves}", total, start, f"[r12, #{offset}]", where)
            steps.append(step)
        return steps

    @property
    def needs_spare(self) -> bool:
        """Whether a weight must make room for a temporary value."""
        return self.tile.corrects_sign and len(self.pool) == 2

    def requantize(self, sums: Sequence[str]) -> None:
        """Sums to outputs."""
        self.note("requantization")
        self.add(f"ldrd r10, r11, [sp, #{_MULTIPLIER}]")
        if self.tile.corrects_sign:
            spare = f"r{_RESIDENT - 1}"
            for a in sums:
                self.add(f"add {spare}, r11, {a}, asr #31", f"smmlar {a}, {a}, r10, {spare}")
            self.add(f"ldr r10, [sp, #{_EXPONENT}]")
            if self.needs_spare:
                self.add(f"ldr {spare}, [sp, #{_SPARE}]")
        else:
            self.add(*(f"smmlar {a}, {a}, r10, r11" for a in sums))
            self.add(f"ldr r10, [sp, #{_EXPONENT}]")
        self.add(*(f"asr {a}, {a}, r10" for a in sums))
        for a in sums:
            self.add(*clamp(a, self.tile.low, self.tile.high))

    def store(self, block: _Block, sums: Sequence[str]) -> None:
        """The stores of a block."""
        step = self.tile.output_step
        if block.target_bytes + (len(sums) - 1) * step <= OFFSET_LIMIT:
            offsets = range(block.target_bytes, block.target_bytes + len(sums) * step, step)
            self.add(*(f"strb {a}, [lr, #{o}]" for a, o in zip(sums, offsets, strict=True)))
            return
        # Such blocks come one at a time, the first output behind lr.
        self.add("mov r10, lr")
        for a in sums:
            self.add(f"strb {a}, [r10]", f"add r10, r10, #{step}")
