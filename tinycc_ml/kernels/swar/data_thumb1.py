"""Data tiles for cores with Thumb-1 only: Cortex-M0, M0+, M23."""

from __future__ import annotations

from tinycc_ml.kernels.swar.data_assembly import (
    CHUNKS_END,
    COLUMN,
    FRAME_BYTES,
    GROUPS,
    GROUPS_END,
    LAST,
    RUNS_END,
    SKIP,
    DataAssembler,
)

_IMMEDIATE_LIMIT = 255

PLAN = (
    "r0: column; r1: stream; r2: weights; r3: element; r4: two weights; r5, r6: the chunk's sums; "
    "r7: mask.",
    "r8-r11: totals and upper lanes; r12: output.",
)


class DataThumb1Assembler(DataAssembler):
    """See the module."""

    def enter(self) -> None:
        """See the base class."""
        self.add("push {r4-r7, lr}", *(f"mov r{i}, r{i + 4}" for i in range(4, 8)))
        self.add("push {r4-r7}", f"sub sp, sp, #{FRAME_BYTES}", f"str r0, [sp, #{COLUMN}]")
        self.add("mov r12, r2")
        self.advance("r2", self.full_outputs, "r3")
        self.add(f"str r2, [sp, #{GROUPS_END}]")

    def leave(self) -> None:
        """See the base class."""
        self.add(f"add sp, sp, #{FRAME_BYTES}", "pop {r4-r7}")
        self.add(*(f"mov r{i + 4}, r{i}" for i in range(4, 8)), "pop {r4-r7, pc}")

    def advance(self, target: str, distance: int, scratch: str) -> None:
        """``target += distance``."""
        if distance <= _IMMEDIATE_LIMIT:
            if distance:
                self.add(f"adds {target}, #{distance}")
            return
        # Byte after byte, from the highest one that is not 0.
        data = distance.to_bytes(4, "big").lstrip(b"\0")
        self.add(f"movs {scratch}, #{data[0]}")
        for byte in data[1:]:
            self.add(f"lsls {scratch}, {scratch}, #8")
            if byte:
                self.add(f"adds {scratch}, #{byte}")
        self.add(f"adds {target}, {target}, {scratch}")

    def next_group(self) -> None:
        """See the base class."""
        self.add("mov r0, r12")
        self.branch(GROUPS_END, GROUPS)

    def begin(self) -> None:
        """See the base class."""
        tile = self.tile
        self.add(f"ldr r0, [sp, #{COLUMN}]", "ldm r1!, {r2-r5}")
        self.add(*(f"mov r{i + 6}, r{i}" for i in range(2, 6)))
        self.add("movs r7, #255", "lsls r2, r7, #16", "adds r7, r7, r2")
        if tile.runs > 1:
            self.end_at(RUNS_END, tile.runs * tile.run_stride)

    def begin_chunks(self) -> None:
        """See the base class."""
        self.end_at(CHUNKS_END, self.tile.run_words)

    def end_at(self, slot: int, words: int) -> None:
        """Notes where the column is so many words further."""
        self.add("mov r2, r0")
        self.advance("r2", 4 * words, "r3")
        self.add(f"str r2, [sp, #{slot}]")

    def branch(self, slot: int, label: int) -> None:
        """See the base class."""
        self.add(f"ldr r2, [sp, #{slot}]", "cmp r0, r2", f"beq {LAST}f", f"b {label}b")
        self.label(LAST)

    def skip(self, words: int) -> None:
        """See the base class."""
        self.advance("r0", 4 * words, "r2")

    def one_chunk(self) -> None:
        """See the base class."""
        self.add("ldm r0!, {r5}", "mov r6, r5")
        for _ in range(self.tile.chunk):
            self.add("ldm r1!, {r2}", "ldm r0!, {r3}", "mov r4, r2", "ands r4, r7")
            self.add("muls r4, r3, r4", "adds r5, r5, r4", "lsrs r2, r2, #8", "ands r2, r7")
            self.add("muls r2, r3, r2", "adds r6, r6, r2")
        for total, upper, x in (("r8", "r9", "r5"), ("r10", "r11", "r6")):
            self.add(f"add {total}, {x}", f"asrs {x}, {x}, #16", f"add {upper}, {x}")

    def sums(self) -> None:
        """See the base class."""

    def requantize(self, index: int) -> None:
        """See the base class."""
        total, upper = (("r8", "r9"), ("r10", "r11"))[index // 2]
        if index % 2:
            self.add(f"mov r2, {upper}")
        else:
            self.add(f"mov r2, {total}", f"mov r3, {upper}", "lsls r3, r3, #16", "subs r2, r2, r3")
        # Shift, range, upper and lower bits of the scale, their number, rounding.
        self.add("ldm r1!, {r0, r3, r4, r5, r6, r7}")
        self.add("cmp r2, #0", f"bge {SKIP}f", "movs r2, #0")
        self.label(SKIP)
        self.add("cmp r2, r3", f"ble {SKIP}f", "mov r2, r3")
        self.label(SKIP)
        self.add("mov r3, r2", "muls r3, r5, r3", "lsrs r3, r3, r6")
        if self.tile.corrects:
            self.add("ldm r1!, {r5, r6}", "cmp r2, r5", f"bcc {SKIP}f", "adds r3, r3, r6")
            self.label(SKIP)
        self.add("muls r2, r4, r2", "adds r2, r2, r3", "adds r2, r2, r7", "lsrs r2, r2, r0")
        self.add("mov r3, r12", "strb r2, [r3]", "adds r3, #1", "mov r12, r3")

    def end(self) -> None:
        """See the base class."""
