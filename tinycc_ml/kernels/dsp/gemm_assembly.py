"""The assembly of a GEMM tile for the byte-pair weights of :mod:`tinycc_ml.kernels.dsp.packing`.

The step, for two pixels and four filters: two words of the columns, two words of weights, 8 dual
multiply-accumulates, 2 sign extensions: 14 instructions for 16 products. Loads stand together
because the core pipelines them. Everything fits the 14 registers, so nothing spills; the few values
that live longer have a slot on the stack. No floating-point register is used: a loop's end in a
slot instead costs one cycle in a hundred, and works on every core.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tinycc_ml.kernels.dsp.instructions import OFFSET_LIMIT, clamp, unrolled
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES, GemmTile, Group

#: Where the frame's slots are, in bytes from the stack pointer.
_COLUMNS, _OUTPUT, _OUTPUT_END, _RUN_END, _COLUMN_END, _SCALE, _FRAME_BYTES = *range(0, 24, 4), 32
#: Up to so many steps have no loop; of longer runs, as many are unrolled as divide them best. With
#: one pixel a tile is either the rest of a layer or reads each weight once, so that its code may be
#: as long as what it saves.
UNROLL = {1: 8, 2: 24}
#: So that the last of the unrolled steps reaches the second pixel's column.
PIXEL_STRIDE_LIMIT = (OFFSET_LIMIT - 4 * UNROLL[2]) // ELEMENT_BYTES

PLAN = (
    "r0-r7: the sums of a pixel's filters, then those of the next pixel's",
    "r8, r9: two elements of each column; r9 to r11: weights, two filters by two elements",
    "r12: the columns, then the output; lr: the stream of weights and constants",
)


def tile_problem(tile: GemmTile) -> str | None:
    """Why the instructions cannot reach all data of a tile, or ``None``."""
    if tile.pixel_stride > PIXEL_STRIDE_LIMIT:
        return f"columns lie {tile.pixel_stride} elements apart; allowed up to {PIXEL_STRIDE_LIMIT}"
    if tile.pixels * tile.channels > OFFSET_LIMIT:
        return f"{tile.channels} output channels; allowed up to {OFFSET_LIMIT // tile.pixels}"
    return None


def assemble(tile: GemmTile) -> tuple[str, ...]:
    """The lines of the naked function ``(const int16_t *, const int32_t *, int8_t *)``."""
    return GemmAssembler(tile).run()


@dataclass
class GemmAssembler:
    """Writes the text of a tile; of its parts also that of tiles of any size."""

    tile: GemmTile
    lines: list[str] = field(default_factory=list)

    def run(self) -> tuple[str, ...]:
        """All lines."""
        tile = self.tile
        self.add("push {r4-r11, lr}", f"sub sp, sp, #{_FRAME_BYTES}")
        self.add(f"str r0, [sp, #{_COLUMNS}]", f"str r2, [sp, #{_OUTPUT}]", "mov lr, r1")
        if tile.shares_scale:
            self.add("ldm lr!, {r8-r10}", f"add r3, sp, #{_SCALE}", "stm r3, {r8-r10}")
        if tile.full_groups > 1:
            self.advance("r3", "r2", tile.full_groups * tile.filters)
            self.add(f"str r3, [sp, #{_OUTPUT_END}]")
        if tile.runs > 1 and not self.is_flat:
            self.advance("r3", "r0", tile.runs * tile.run_stride * ELEMENT_BYTES)
            self.add(f"str r3, [sp, #{_COLUMN_END}]")
        if tile.full_groups:
            if tile.full_groups > 1:
                self.label(1, f"{tile.filters} filters at a time")
            self.group(tile.full_group)
            if tile.full_groups > 1 or tile.last_group:
                self.add(f"add r12, r12, #{tile.filters}", f"str r12, [sp, #{_OUTPUT}]")
            if tile.full_groups > 1:
                self.branch_until("r12", _OUTPUT_END, 1)
        if tile.last_group:
            self.note("the last filters")
            self.group(tile.last_group)
        self.add(f"add sp, sp, #{_FRAME_BYTES}", "pop {r4-r11, pc}")
        return tuple(self.lines)

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
        """``target = source + distance``; r8 is free."""
        if distance <= OFFSET_LIMIT:
            self.add(f"add {target}, {source}, #{distance}")
            return
        self.add(f"movw r8, #{distance & 0xFFFF}")
        if distance >> 16:
            self.add(f"movt r8, #{distance >> 16}")
        self.add(f"add {target}, {source}, r8")

    def branch_until(self, register: str, slot: int, label: int) -> None:
        """Back to a label, unless the register has reached what is in a slot."""
        self.add(f"ldr r8, [sp, #{slot}]", f"cmp {register}, r8", f"bne {label}b")

    # Parts of a group

    @property
    def is_flat(self) -> bool:
        """Whether all steps of all runs are unrolled, without any loop."""
        tile = self.tile
        last = ELEMENT_BYTES * tile.column_elements
        # Short runs in a loop of their own would spend more on loops than on products.
        limit = UNROLL[tile.pixels if tile.runs == 1 else 2]
        return tile.runs * tile.steps <= limit and last <= OFFSET_LIMIT

    def group(self, group: Group) -> None:
        """All of a group of filters."""
        count = group.filters
        self.note("sums start at the biases")
        self.add(f"ldm lr!, {{r0-r{count - 1}}}")
        if self.tile.pixels > 1:
            self.add(*(f"mov r{count + i}, r{i}" for i in range(count)))
        self.add(f"ldr r12, [sp, #{_COLUMNS}]")
        if self.is_flat:
            runs, steps = range(self.tile.runs), range(self.tile.steps)
            self.steps(group, [run * self.tile.run_stride + 2 * s for run in runs for s in steps])
        else:
            self.runs(group)
        self.requantize(group)

    def runs(self, group: Group) -> None:
        """The sums of a group, run by run."""
        tile = self.tile
        unroll, turns, rest = unrolled(tile.steps, UNROLL[tile.pixels])
        if tile.runs > 1:
            self.label(2, "a run of the columns")
        if turns > 1:
            self.advance("r8", "r12", 4 * unroll * turns)
            self.add(f"str r8, [sp, #{_RUN_END}]")
            self.label(3, f"{unroll} steps")
        self.steps(group, [2 * s for s in range(unroll)])
        done = 0
        if turns > 1:
            done = 4 * unroll * turns
            self.add(f"add r12, r12, #{4 * unroll}")
            self.branch_until("r12", _RUN_END, 3)
        if rest:
            self.steps(group, [2 * s for s in range(rest)])
        if tile.runs > 1:
            self.advance("r12", "r12", tile.run_stride * ELEMENT_BYTES - done)
            self.branch_until("r12", _COLUMN_END, 2)

    def steps(self, group: Group, starts: list[int]) -> None:
        """Steps at these elements behind r12, the weights in order behind lr."""
        for number, start in enumerate(starts):
            self.step(group, start, number)
        self.advance("lr", "lr", 2 * group.filters * len(starts))

    def step(self, group: Group, start: int, number: int) -> None:
        """One step at an element behind r12, the weights so many steps behind lr."""
        pairs, pixels = group.filters // 2, self.tile.pixels
        registers = list(range(8 + pixels, 12))
        for pixel in range(pixels):
            offset = ELEMENT_BYTES * (start + pixel * self.tile.pixel_stride)
            self.add(f"ldr r{8 + pixel}, [r12, #{offset}]")
        for first in range(0, pairs, len(registers)):
            chunk = list(enumerate(registers[: pairs - first], first))
            for pair, w in chunk:
                self.add(f"ldr r{w}, [lr, #{4 * (number * pairs + pair)}]")
            self.multiply(group, chunk, 0)
            self.add(*(f"sxtb16 r{w}, r{w}" for _, w in chunk))
            self.multiply(group, chunk, 1)

    def multiply(self, group: Group, chunk: list[tuple[int, int]], second: int) -> None:
        """The products of words of weights in registers, for one filter of each pair."""
        for pair, w in chunk:
            for pixel in range(self.tile.pixels):
                a = pixel * group.filters + 2 * pair + second
                self.add(f"smlad r{a}, r{8 + pixel}, r{w}, r{a}")

    def split_pairs(self, group: Group) -> None:
        """Sums of pairs to sums of filters."""
        self.note("the first filter of a pair: (256*S0 + S1) - S1")
        sums = [a for a, _, filter_ in self.tile.accumulators(group) if filter_ % 2 == 0]
        self.add(*(f"sub r{a}, r{a}, r{a + 1}" for a in sums))

    def load_scale(self, slot: int) -> None:
        """The scale that all filters share, from the frame."""
        self.note("multiplier, rounding, exponent")
        self.add(f"add r8, sp, #{slot}", "ldm r8, {r8-r10}")

    def requantize(self, group: Group) -> None:
        """Sums to outputs, and stores."""
        tile = self.tile
        self.split_pairs(group)
        self.add(f"ldr r12, [sp, #{_OUTPUT}]")
        if tile.shares_scale:
            self.load_scale(_SCALE)
        for filter_ in range(group.live):
            for pixel, a in enumerate(self.rescale(group, filter_)):
                self.add(f"strb r{a}, [r12, #{pixel * tile.channels + filter_}]")

    def rescale(self, group: Group, filter_: int) -> list[int]:
        """Sums of a filter to outputs, and their registers; r8 to r10 hold the scale."""
        tile = self.tile
        if not tile.shares_scale:
            self.note(f"filter {filter_}: multiplier, rounding, exponent")
            self.add("ldm lr!, {r8-r10}")
        registers = [a for a, _, f in tile.accumulators(group) if f == filter_]
        for a in registers:
            self.add(f"lsl r{a}, r{a}, #1" if filter_ % 2 else f"asr r{a}, r{a}, #7")
        for a in registers:
            if tile.corrects_sign:
                self.add(f"add r11, r9, r{a}, asr #31", f"smmlar r{a}, r{a}, r8, r11")
            else:
                self.add(f"smmlar r{a}, r{a}, r8, r9")
        self.add(*(f"asr r{a}, r{a}, r10" for a in registers))
        for a in registers:
            self.add(*clamp(f"r{a}", tile.low, tile.high))
        return registers
