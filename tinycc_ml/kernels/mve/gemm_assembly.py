"""The assembly of a GEMM tile: a vector of each column times a vector of each filter.

VMLADAVA adds the 16 products of two vectors to a register. For two pixels and four filters a step
is 6 loads and 8 of these: 14 instructions for 128 products, and loads alternate with products, as
the core overlaps them. The sums of four filters then become one vector, so that requantization
(:mod:`tinycc_ml.kernels.mve.requantize`) takes an instruction for four outputs and never goes
through memory. Columns of up to two vectors stay in registers for all filters of a pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tinycc_ml.kernels.mve.gemm_tile import LANES, QUAD, GemmTile, Group

#: Slots of the frame, in bytes from the stack pointer.
_STREAM, _TURNS, _RUNS, _FRAME_BYTES = 0, 4, 8, 16
#: Up to so many steps have no loop.
_UNROLL = {1: 10, 2: 18}
#: Offsets of vector loads and stores of bytes; offsets of ADD.
_VECTOR_OFFSET, _ADD_LIMIT = 127, 4095
#: Columns of up to so many vectors stay in q0 to q3.
_RESIDENT = 4

PLAN = (
    "r0, r2, ... r12, lr: the sums of a pixel's filters, then those of the next pixel's",
    "r1, r3: the columns (r3: or the zero point); r5: the stream of weights and constants",
    "r7: the output; r9: counts steps; r11: counts groups",
)


def assemble(tile: GemmTile) -> tuple[str, ...]:
    """The lines of the naked function ``(const int8_t *, const int32_t *, int8_t *)``."""
    return _Assembler(tile).run()


@dataclass(frozen=True, slots=True)
class _Step:
    """A vector of every column.

    Attributes:
        offset: Where it is, from the start of the column.
        following: Where the next one is; the same where the pointers need not move.
        vector: Its number where columns stay in registers.
        masked: Whether it is the last of a run that is no whole number of vectors.
        first: Whether the sums start with it.
    """

    offset: int
    following: int
    vector: int
    masked: bool
    first: bool


@dataclass
class _Assembler:
    tile: GemmTile
    lines: list[str] = field(default_factory=list)

    # What follows from the shape

    @property
    def straight(self) -> list[int]:
        """The offsets of all vectors of a column."""
        t = self.tile
        return [r * t.run_stride + LANES * s for r in range(t.runs) for s in range(t.steps)]

    @property
    def is_resident(self) -> bool:
        """Whether columns are loaded once for all filters; without a move of the pointers."""
        return self.is_near and self.tile.pixels * len(self.straight) <= _RESIDENT

    @property
    def second_pointer(self) -> bool:
        """Whether the second column needs a pointer of its own."""
        return self.tile.pixels > 1 and self.tile.pixel_stride > _VECTOR_OFFSET

    @property
    def is_near(self) -> bool:
        """Whether offsets reach all vectors, so that pointers need not move."""
        between = 0 if self.second_pointer else (self.tile.pixels - 1) * self.tile.pixel_stride
        return self.straight[-1] + between <= _VECTOR_OFFSET

    @property
    def pointers(self) -> list[str]:
        return ["r1", "r3"] if self.second_pointer else ["r1"]

    def sum_of(self, pixel: int, filter_: int, group: Group) -> str:
        number = 2 * (pixel * group.filters + filter_)
        return "lr" if number == 14 else f"r{number}"

    # Layout of the text

    def add(self, *instructions: str) -> None:
        self.lines += [f"  {instruction}" for instruction in instructions]

    def note(self, text: str) -> None:
        self.lines.append(f"  @ {text}")

    def label(self, number: int, text: str) -> None:
        self.lines.append(f"{number}:  @ {text}")

    def advance(self, target: str, source: str, distance: int) -> None:
        """``target = source + distance``."""
        operation, left = ("add", distance) if distance >= 0 else ("sub", -distance)
        while left or target != source:
            part = min(left, _ADD_LIMIT)
            self.add(f"{operation}w {target}, {source}, #{part}")
            source, left = target, left - part

    def constant(self, register: str, value: int) -> None:
        """A number not below -256."""
        if value < 0:
            self.add(f"mvn {register}, #{~value}")
            return
        self.add(f"movw {register}, #{value & 0xFFFF}")
        if value >> 16:
            self.add(f"movt {register}, #{value >> 16}")

    def count_down(self, register: str, label: int) -> None:
        self.add(f"subs {register}, #1", f"bne {label}b")

    # The function

    def run(self) -> tuple[str, ...]:
        tile = self.tile
        loops = tile.turns > 1
        self.add("push {r4-r11, lr}")
        if self.is_resident:
            self.add("vpush {d8-d15}")
        self.add(f"sub sp, sp, #{_FRAME_BYTES}", "mov r5, r1", "mov r7, r2", "mov r1, r0")
        if self.second_pointer:
            self.advance("r3", "r0", tile.pixel_stride)
        else:
            self.constant("r3", tile.zero_point)
        if loops:
            self.constant("r4", tile.turns)
            self.add(f"str r5, [sp, #{_STREAM}]", f"str r4, [sp, #{_TURNS}]")
            self.label(1, f"{tile.pixels} pixels" if tile.pixels > 1 else "a pixel")
        self.turn()
        if loops:
            for pointer in self.pointers:
                self.advance(pointer, pointer, tile.pixels * tile.pixel_stride)
            if tile.pixels > 1:
                self.advance("r7", "r7", tile.channels)
            self.add(f"ldr r4, [sp, #{_TURNS}]", f"ldr r5, [sp, #{_STREAM}]")
            self.add("subs r4, #1", f"str r4, [sp, #{_TURNS}]", "bne 1b")
        self.add(f"add sp, sp, #{_FRAME_BYTES}")
        if self.is_resident:
            self.add("vpop {d8-d15}")
        self.add("pop {r4-r11, pc}")
        return tuple(self.lines)

    def turn(self) -> None:
        tile = self.tile
        if tile.rest:
            self.constant("r9", tile.rest)
            self.add("vctp.8 r9")
        if self.is_resident:
            for vector, offset in enumerate(self.straight):
                masked = self.is_masked(vector)
                self.load_columns(_Step(offset, offset, vector, masked, first=False))
        if tile.full_groups:
            if tile.full_groups > 1:
                self.constant("r11", tile.full_groups)
                self.label(2, f"{tile.filters} filters at a time")
            self.group(tile.full_group)
            if tile.full_groups > 1:
                self.count_down("r11", 2)
        if tile.last_group:
            self.note("the last filters")
            self.group(tile.last_group)

    def is_masked(self, step: int) -> bool:
        """Whether that step of a run loads less than a vector."""
        return self.tile.rest > 0 and step % self.tile.steps == self.tile.steps - 1

    # The sums of a group

    def group(self, group: Group) -> None:
        tile, limit = self.tile, _UNROLL[self.tile.pixels]
        moved = 0
        if self.is_near or tile.runs * tile.steps <= limit:
            offsets = self.straight
            self.steps(group, offsets, offsets[-1], first=True)
            moved = 0 if self.is_near else offsets[-1]
        else:
            self.add(*(f"mov {self.sum_of(*at, group)}, #0" for at in self.sums(group)))
            moved = self.long_run(group) if tile.runs == 1 else self.runs(group)
        for pointer in self.pointers if moved else ():
            self.advance(pointer, pointer, -moved)
        for quad in group.quads:
            self.requantize(group, quad)

    def sums(self, group: Group) -> list[tuple[int, int]]:
        return [(p, f) for p in range(self.tile.pixels) for f in range(group.filters)]

    def runs(self, group: Group) -> int:
        """A loop over the runs; returns by how much the pointers have moved."""
        tile = self.tile
        is_long = tile.steps > _UNROLL[tile.pixels]
        self.constant("r9", tile.runs)
        if is_long:
            self.add(f"str r9, [sp, #{_RUNS}]")
        self.label(3, "a run of the columns")
        if is_long:
            moved = self.long_run(group)
        else:
            moved = LANES * (tile.steps - 1)
            self.steps(group, [LANES * s for s in range(tile.steps)], moved, first=False)
        for pointer in self.pointers:
            self.advance(pointer, pointer, tile.run_stride - moved)
        if is_long:
            self.add(f"ldr r9, [sp, #{_RUNS}]", "subs r9, #1", f"str r9, [sp, #{_RUNS}]")
            self.add("bne 3b")
        else:
            self.count_down("r9", 3)
        return tile.runs * tile.run_stride

    def long_run(self, group: Group) -> int:
        """A loop over the steps of a run; returns by how much the pointers have moved."""
        tile = self.tile
        whole = tile.run // LANES
        unroll, turns = _unrolled(whole, _UNROLL[tile.pixels])
        self.constant("r9", turns)
        self.label(4, f"{unroll} steps")
        self.steps(group, [LANES * s for s in range(unroll)], LANES * unroll, first=False)
        self.count_down("r9", 4)
        rest = range(unroll * turns, tile.steps)
        if rest:
            end = LANES * (len(rest) - 1)
            self.steps(
                group, [LANES * s for s in range(len(rest))], end, first=False, start=rest.start
            )
            return LANES * rest.start + end
        return LANES * unroll * turns

    def steps(
        self, group: Group, offsets: Sequence[int], end: int, *, first: bool, start: int = 0
    ) -> None:
        """Steps at these offsets; behind the last one the pointers are at `end`."""
        following = [*offsets[1:], end]
        for number, (offset, then) in enumerate(zip(offsets, following, strict=True)):
            masked = self.is_masked(start + number)
            step = _Step(offset, then, number, masked, first and number == 0)
            self.step(group, step)

    def step(self, group: Group, step: _Step) -> None:
        tile = self.tile
        resident = self.is_resident
        weights = ("q4", "q5") if resident else ("q2", "q3")
        if not resident and (step.masked or tile.pixels == 1):
            self.load_columns(step)
        for filter_ in range(group.filters):
            w = weights[filter_ % 2]
            alternate = not resident and not step.masked and tile.pixels > 1 and filter_ == 0
            if alternate:
                # The second column's load stands first where its address is that of the first's.
                self.load_column(1, step)
            self.add(f"vldrw.32 {w}, [r5], #16")
            for pixel in reversed(range(tile.pixels)):
                if alternate and pixel == 0:
                    self.load_column(0, step)
                name = "vmladav.s8" if step.first else "vmladava.s8"
                x = self.column_register(pixel, step)
                self.add(f"{name} {self.sum_of(pixel, filter_, group)}, {x}, {w}")

    def column_register(self, pixel: int, step: _Step) -> str:
        if self.is_resident:
            return f"q{pixel * len(self.straight) + step.vector}"
        return f"q{pixel}"

    def load_columns(self, step: _Step) -> None:
        """All columns' vectors at once, the second column's first."""
        tile = self.tile
        fits = all(self.move_of(step, pixel) is not None for pixel in range(tile.pixels))
        if step.masked:
            self.add("vpst" if tile.pixels == 1 or not fits else "vpstt")
        for pixel in reversed(range(tile.pixels)):
            if step.masked and not fits and pixel == 0 and tile.pixels > 1:
                self.add("vpst")
            self.load_column(pixel, step)

    def move_of(self, step: _Step, pixel: int) -> int | None:
        """By how much the load moves its pointer; ``None`` if that takes an addition."""
        if self.is_near or (pixel == 1 and not self.second_pointer):
            return 0
        move = step.following - step.offset
        return move if abs(move) <= _VECTOR_OFFSET else None

    def load_column(self, pixel: int, step: _Step) -> None:
        tile = self.tile
        name = "vldrbt.8" if step.masked else "vldrb.8"
        x = self.column_register(pixel, step)
        pointer = "r3" if pixel == 1 and self.second_pointer else "r1"
        offset = tile.pixel_stride if pixel == 1 and not self.second_pointer else 0
        if self.is_near:
            self.add(f"{name} {x}, [{pointer}, #{offset + step.offset}]")
            return
        move = self.move_of(step, pixel)
        if move:
            self.add(f"{name} {x}, [{pointer}], #{move}")
            return
        self.add(f"{name} {x}, [{pointer}, #{offset}]")
        if move is None:
            self.advance(pointer, pointer, step.following - step.offset)

    # From sums to outputs

    def requantize(self, group: Group, quad: int) -> None:
        tile = self.tile
        first = 4 if self.is_resident else 0
        values = [f"q{first + pixel}" for pixel in range(tile.pixels)]
        constant, spare = f"q{first + 2}", f"q{first + 3}"
        for pixel, v in enumerate(values):
            r = [self.sum_of(pixel, quad + i, group) for i in range(QUAD)]
            self.add(f"vmov {v}[2], {v}[0], {r[0]}, {r[2]}")
            self.add(f"vmov {v}[3], {v}[1], {r[1]}, {r[3]}")
        self.note("bias, multiplier, shift")
        self.add(f"vldrw.32 {constant}, [r5], #16")
        self.add(*(f"vadd.i32 {v}, {v}, {constant}" for v in values))
        self.add(f"vldrw.32 {constant}, [r5], #16")
        self.add(*(f"vqrdmulh.s32 {v}, {v}, {constant}" for v in values))
        if tile.corrects_sign:
            for v in values:
                self.add(f"vshr.s32 {spare}, {v}, #31", f"vadd.i32 {v}, {v}, {spare}")
        self.add(f"vldrw.32 {constant}, [r5], #16")
        self.add(*(f"vrshl.s32 {v}, {v}, {constant}" for v in values))
        if self.second_pointer:
            self.constant("r9", tile.zero_point)
        zero = "r9" if self.second_pointer else "r3"
        self.add(*(f"vadd.i32 {v}, {v}, {zero}" for v in values))
        self.clamp(values, spare)
        self.store(values, min(QUAD, group.live - quad))

    def clamp(self, values: Sequence[str], spare: str) -> None:
        tile = self.tile
        if (tile.low, tile.high) == (-128, 127):
            self.add(*(f"vqmovnb.s32 {v}, {v}" for v in values))
            self.add(*(f"vqmovnb.s16 {v}, {v}" for v in values))
            return
        for operation, bound in (("vmax", tile.low), ("vmin", tile.high)):
            self.constant("r9", bound)
            self.add(f"vdup.32 {spare}, r9")
            self.add(*(f"{operation}.s32 {v}, {v}, {spare}" for v in values))

    def store(self, values: Sequence[str], live: int) -> None:
        tile = self.tile
        partial = live < QUAD
        if partial:
            self.constant("r9", live)
            self.add("vctp.32 r9")
        name = "vstrbt.32" if partial else "vstrb.32"
        if tile.pixels > 1:
            far = tile.channels > _VECTOR_OFFSET
            if far:
                # The base of a narrowing store is one of r0 to r7; the sums are in vectors.
                self.advance("r0", "r7", tile.channels)
            if partial:
                self.add("vpst")
            self.add(f"{name} {values[1]}, {'[r0]' if far else f'[r7, #{tile.channels}]'}")
        if partial:
            self.add("vpst")
        self.add(f"{name} {values[0]}, [r7], #{live}")


def _unrolled(steps: int, limit: int) -> tuple[int, int]:
    """Steps in the loop's body, turns of the loop; what is left comes behind."""
    for unroll in range(limit, limit // 2 - 1, -1):
        if steps % unroll == 0:
            return unroll, steps // unroll
    turns = -(-steps // limit)
    return steps // turns, turns
