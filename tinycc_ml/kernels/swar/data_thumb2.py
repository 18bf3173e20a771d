"""Data tiles for cores with Thumb-2 but without the DSP extension: Cortex-M3."""

from __future__ import annotations

from tinycc_ml.kernels.swar.data_assembly import (
    CHUNKS_END,
    COLUMN,
    FRAME_BYTES,
    GROUPS,
    GROUPS_END,
    OUTPUT,
    RUNS_END,
    DataAssembler,
)

#: Sums of a group's filters, once the totals are sums.
_SUMS = ("r8", "r9", "r10", "r11")
_IMMEDIATE_LIMIT = 4095

PLAN = (
    "r0: column; r1: stream; r2, r3: weights; r4, r5: elements; r6: two weights; r7: mask.",
    "r8-r11: totals and upper lanes; r12, lr: the chunk's sums.",
)


class DataThumb2Assembler(DataAssembler):
    """See the module."""

    def enter(self) -> None:
        """See the base class."""
        self.add("push {r4-r11, lr}", f"sub sp, sp, #{FRAME_BYTES}")
        self.add(f"str r0, [sp, #{COLUMN}]", f"str r2, [sp, #{OUTPUT}]")
        self.advance("r2", "r2", self.full_outputs)
        self.add(f"str r2, [sp, #{GROUPS_END}]", "mov r7, #0x00ff00ff")

    def leave(self) -> None:
        """See the base class."""
        self.add(f"add sp, sp, #{FRAME_BYTES}", "pop {r4-r11, pc}")

    def advance(self, target: str, source: str, distance: int) -> None:
        """``target = source + distance``; r6 is free."""
        if distance <= _IMMEDIATE_LIMIT:
            if distance or target != source:
                self.add(f"add {target}, {source}, #{distance}")
            return
        self.add(f"movw r6, #{distance & 0xFFFF}")
        if distance >> 16:
            self.add(f"movt r6, #{distance >> 16}")
        self.add(f"add {target}, {source}, r6")

    def next_group(self) -> None:
        """See the base class."""
        self.add(f"ldr r6, [sp, #{GROUPS_END}]", "cmp r5, r6", f"bne.w {GROUPS}b")

    def begin(self) -> None:
        """See the base class."""
        tile = self.tile
        self.add(f"ldr r0, [sp, #{COLUMN}]", "ldm r1!, {r8-r11}")
        if tile.runs > 1:
            self.advance("r2", "r0", 4 * tile.runs * tile.run_stride)
            self.add(f"str r2, [sp, #{RUNS_END}]")

    def begin_chunks(self) -> None:
        """See the base class."""
        self.advance("r2", "r0", 4 * self.tile.run_words)
        self.add(f"str r2, [sp, #{CHUNKS_END}]")

    def branch(self, slot: int, label: int) -> None:
        """See the base class."""
        self.add(f"ldr r6, [sp, #{slot}]", "cmp r0, r6", f"bne.w {label}b")

    def skip(self, words: int) -> None:
        """See the base class."""
        self.advance("r0", "r0", 4 * words)

    def one_chunk(self) -> None:
        """See the base class."""
        self.add("ldr r12, [r0], #4")
        other = "r12"  # both sums start there
        for first in range(0, self.tile.chunk, 2):
            count = min(2, self.tile.chunk - first)
            weights, elements = ("r2", "r3")[:count], ("r4", "r5")[:count]
            self.add(f"ldm r1!, {{{', '.join(weights)}}}", f"ldm r0!, {{{', '.join(elements)}}}")
            for w, x in zip(weights, elements, strict=True):
                self.add(f"and r6, r7, {w}, lsr #8", f"mla lr, {x}, r6, {other}")
                self.add(f"and r6, {w}, r7", f"mla r12, {x}, r6, r12")
                other = "lr"
        self.add("add r8, r8, r12", "add r9, r9, r12, asr #16")
        self.add("add r10, r10, lr", "add r11, r11, lr, asr #16")

    def sums(self) -> None:
        """See the base class."""
        self.add("sub r8, r8, r9, lsl #16", "sub r10, r10, r11, lsl #16")
        self.add(f"ldr r5, [sp, #{OUTPUT}]")

    def requantize(self, index: int) -> None:
        """See the base class."""
        x = _SUMS[index]
        self.add("ldm r1!, {r2-r4}", f"lsl {x}, {x}, #1", "mov r6, #0x80000000")
        if self.tile.corrects:
            self.add(f"add r3, r3, {x}, asr #31")
        self.add(f"smlal r6, r3, {x}, r2", "asr r3, r3, r4", "ssat r3, #8, r3")
        self.clamp()
        self.add("strb r3, [r5], #1")

    def end(self) -> None:
        """See the base class."""
        self.add(f"str r5, [sp, #{OUTPUT}]")

    def clamp(self) -> None:
        """r3 to the limits of the layer, where they are not those of int8."""
        low, high = self.tile.low, self.tile.high
        at = 0
        # x & ~(x >> 31) is max(x, 0), x & (x >> 31) is min(x, 0).
        for limit, is_limited, operation in (
            (low, low > -128, "bic"),
            (high, high < 127, "and"),
        ):
            if is_limited:
                self.shift(at - limit)
                self.add(f"{operation} r3, r3, r3, asr #31")
                at = limit
        self.shift(at)

    def shift(self, distance: int) -> None:
        """Adds a small number to r3."""
        if distance:
            self.add(f"{'add' if distance > 0 else 'sub'} r3, r3, #{abs(distance)}")
