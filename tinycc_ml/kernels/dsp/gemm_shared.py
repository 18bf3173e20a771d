"""GEMM tiles whose text serves any number of steps, runs and filters.

The text is that of :mod:`gemm_assembly` with two differences. The loop over a run's steps is
entered in the middle: all steps have the same length, and the pointers start as much too low as
steps are left out. And outputs are stored when all filters of a group are computed, so that those
of a rest can be picked.
"""

from __future__ import annotations

from tinycc_ml.kernels.dsp.gemm_assembly import PLAN, UNROLL, GemmAssembler
from tinycc_ml.kernels.dsp.gemm_meaning import gemm_meaning
from tinycc_ml.kernels.dsp.instructions import OFFSET_LIMIT
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES, GemmTile, Group
from tinycc_ml.loopir import Intrinsic, SharedText

#: Steps of the loop by pixels and filters.
_UNROLL = {(2, 4): 16, (1, 4): 4, (1, 8): 8}
#: Where the frame's slots are, in bytes from the stack pointer.
_COLUMNS, _OUTPUT, _OUTPUT_END, _CHANNELS, _LEFT_OUT, _ENTRY = range(0, 24, 4)
_RUN_END, _RUN, _GAP, _COLUMN_END, _SCALE, _FRAME_BYTES = *range(24, 44, 4), 52
_LARGEST_SIZE = 65535


def shared_gemm_intrinsic(tile: GemmTile) -> Intrinsic:
    """The tile as an intrinsic with the parameters columns, stream, output."""
    text = SharedText(
        tile.shared_name,
        _Assembler(tile).run(),
        (
            f"{tile.pixels} pixels by any number of filters of any number of elements: sums, "
            f"requantization and stores, {tile.filters} filters at a time.",
            *(f"{line}." for line in PLAN),
        ),
    )
    comment = f"{tile.pixels} pixels by {tile.channels} filters of {2 * tile.runs * tile.steps} "
    return Intrinsic(
        tile.name,
        gemm_meaning(tile),
        "dsp",
        (),
        (f"{comment}elements.",),
        shared=text,
        sizes=_sizes(tile),
    )


def shared_tile_problem(tile: GemmTile) -> str | None:
    """Why the text cannot compute a tile, or ``None``."""
    last = ELEMENT_BYTES * (tile.pixels - 1) * tile.pixel_stride
    if last + _Assembler(tile).column_bytes * _unroll(tile) > OFFSET_LIMIT:
        return f"columns lie {tile.pixel_stride} elements apart; allowed up to 2000"
    if max(_sizes(tile)) > _LARGEST_SIZE:
        return f"columns of {max(_sizes(tile))} bytes; allowed up to {_LARGEST_SIZE}"
    return None


def extra_cycles(tile: GemmTile) -> int:
    """By how much a call takes longer than that of a tile with a text of its own, roughly."""
    groups = -(-tile.channels // tile.filters)
    turns = -(-tile.steps // _unroll(tile)) - (-(-tile.steps // UNROLL[tile.pixels]))
    return 25 + groups * (10 + tile.runs * (9 + 5 * turns))


def _unroll(tile: GemmTile) -> int:
    return _UNROLL[tile.pixels, tile.filters]


def _sizes(tile: GemmTile) -> tuple[int, ...]:
    """What the text reads from its table; distances are in bytes."""
    run = _Assembler(tile).column_bytes * tile.steps
    left_out = -tile.steps % _unroll(tile)
    stride = ELEMENT_BYTES * tile.run_stride if tile.runs > 1 else run
    runs = () if tile.is_interleaved else (stride - run, tile.runs * stride)
    return (tile.channels, left_out, run, *runs)


class _Assembler(GemmAssembler):
    """Writes the text; of the tile it only uses what is part of the text's name."""

    @property
    def column_bytes(self) -> int:
        """From step to step in a column."""
        return ELEMENT_BYTES * self.tile.word_stride

    @property
    def weight_bytes(self) -> int:
        """From step to step in the stream."""
        return 2 * self.tile.filters

    def run(self) -> tuple[str, ...]:
        """All lines."""
        tile, group = self.tile, self.tile.full_group
        self.add("push {r4-r11, lr}", f"sub sp, sp, #{_FRAME_BYTES}")
        self.setup()
        self.label(1, f"{tile.filters} filters at a time")
        self.note("sums start at the biases")
        self.add(f"ldm lr!, {{r0-r{tile.filters - 1}}}")
        if tile.pixels > 1:
            self.add(*(f"mov r{tile.filters + i}, r{i}" for i in range(tile.filters)))
        self.add(f"ldr r12, [sp, #{_COLUMNS}]")
        if not tile.is_interleaved:
            self.label(2, "a run of the columns")
            self.add(f"ldr r8, [sp, #{_RUN}]", "add r8, r12, r8", f"str r8, [sp, #{_RUN_END}]")
        self.enter()
        self.turn(group)
        if not tile.is_interleaved:
            self.add(f"ldr r8, [sp, #{_GAP}]", "add r12, r12, r8")
            self.branch_until("r12", _COLUMN_END, 2)
        self.split_pairs(group)
        if tile.shares_scale:
            self.load_scale(_SCALE)
        for filter_ in range(tile.filters):
            self.rescale(group, filter_)
        self.store(group)
        return tuple(self.lines)

    def setup(self) -> None:
        """Pointers and sizes into the frame."""
        tile = self.tile
        self.add("mov lr, r1")
        if tile.shares_scale:
            self.add("ldm lr!, {r8-r10}", f"add r4, sp, #{_SCALE}", "stm r4, {r8-r10}")
        self.note("filters, steps left out in the first turn, length of a run")
        self.add("ldrh r4, [r3]", "ldrh r5, [r3, #2]", "ldrh r6, [r3, #4]")
        self.add(f"str r0, [sp, #{_COLUMNS}]", f"str r2, [sp, #{_OUTPUT}]")
        self.add(f"str r4, [sp, #{_CHANNELS}]", f"str r5, [sp, #{_LEFT_OUT}]")
        self.add("add r4, r2, r4", f"str r4, [sp, #{_OUTPUT_END}]")
        if tile.is_interleaved:
            self.add("add r6, r0, r6", f"str r6, [sp, #{_RUN_END}]")
        else:
            self.note("from the end of a run to the next one, length of all runs")
            self.add("ldrh r4, [r3, #6]", "ldrh r7, [r3, #8]", "add r7, r0, r7")
            self.add(f"str r6, [sp, #{_RUN}]", f"str r4, [sp, #{_GAP}]")
            self.add(f"str r7, [sp, #{_COLUMN_END}]")
        self.note("where the first turn starts")
        self.add("adr.w r7, 3f", f"mov r6, #{self.step_bytes}", "mla r7, r5, r6, r7")
        self.add("orr r7, r7, #1", f"str r7, [sp, #{_ENTRY}]")

    @property
    def step_bytes(self) -> int:
        """Bytes of the instructions of a step: each has four."""
        one = GemmAssembler(self.tile)
        one.step(self.tile.full_group, 0, 0)
        return 4 * len(one.lines)

    def enter(self) -> None:
        """Into the loop, so that the first turn ends with the loop's last step."""
        self.add(f"ldr r8, [sp, #{_LEFT_OUT}]", f"ldr r9, [sp, #{_ENTRY}]")
        self.add(f"sub r12, r12, r8, lsl #{self.column_bytes.bit_length() - 1}")
        self.add(f"sub lr, lr, r8, lsl #{self.weight_bytes.bit_length() - 1}", "bx r9")

    def turn(self, group: Group) -> None:
        """The loop over steps."""
        unroll = _unroll(self.tile)
        self.label(3, f"{unroll} steps")
        self.steps(group, [self.tile.word_stride * s for s in range(unroll)])
        self.add(f"add r12, r12, #{unroll * self.column_bytes}")
        self.branch_until("r12", _RUN_END, 3)

    def store(self, group: Group) -> None:
        """All outputs of a group, or those that are left; then the next group, or the end."""
        filters, is_pair = group.filters, self.tile.pixels > 1
        self.note("stores, if all filters have an output")
        self.add(f"ldr r12, [sp, #{_OUTPUT}]", f"ldr r8, [sp, #{_OUTPUT_END}]")
        if is_pair:
            self.add(f"ldr r10, [sp, #{_CHANNELS}]", "add r10, r12, r10")
        self.add("sub r9, r8, r12", f"cmp r9, #{filters}", "blo 4f")
        for f in range(filters):
            self.store_filter(f)
        self.add(f"add r12, r12, #{filters}", f"str r12, [sp, #{_OUTPUT}]")
        self.add("cmp r12, r8", "bne 1b", "b 5f")
        self.label(4, "the last filters")
        for f in range(filters - 1):
            self.store_filter(f)
            if f < filters - 2:
                self.add(f"cmp r9, #{f + 1}", "beq 5f")
        self.label(5, "the end")
        self.add(f"add sp, sp, #{_FRAME_BYTES}", "pop {r4-r11, pc}")

    def store_filter(self, filter_: int) -> None:
        """The outputs of a filter."""
        for pixel, pointer in enumerate(("r12", "r10")[: self.tile.pixels]):
            self.add(f"strb r{pixel * self.tile.filters + filter_}, [{pointer}, #{filter_}]")
