"""The assembly of a depthwise tile: products of 16 channels of a tap with 16 weights.

VMULLB and VMULLT multiply the even and the odd channels to 16 bits. The products of two taps still
add up in 16 bits (but for two times -128 by -128, which the kernel refuses), so that only every
second product is widened and added to the four vectors of sums: 19 instructions for 32 products.
The sums hold the channels with the remainders 0, 2, 1, 3 modulo 4, and narrowing them in the same
order puts the channels back in theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from tinycc_ml.kernels.mve.depthwise_tile import DepthwiseTile
from tinycc_ml.kernels.mve.gemm_tile import LANES

_ADD_LIMIT = 4095
#: Taps that have code of their own.
TAPS_LIMIT = 64

PLAN = (
    "r0: the input; r1, r4: the stream of weights and constants; r2: the output",
    "r3: counts pixels; r5: the zero point; lr: counts vectors; q0-q3: sums; q4-q7: products",
)


def assemble(tile: DepthwiseTile) -> tuple[str, ...]:
    """The lines of the naked function ``(const int8_t *, const int32_t *, int8_t *)``."""
    return _Assembler(tile).run()


@dataclass
class _Assembler:
    tile: DepthwiseTile
    lines: list[str] = field(default_factory=list)

    def add(self, *instructions: str) -> None:
        self.lines += [f"  {instruction}" for instruction in instructions]

    def label(self, number: int, text: str) -> None:
        self.lines.append(f"{number}:  @ {text}")

    def advance(self, register: str, distance: int) -> None:
        operation, left = ("addw", distance) if distance >= 0 else ("subw", -distance)
        while left:
            part = min(left, _ADD_LIMIT)
            self.add(f"{operation} {register}, {register}, #{part}")
            left -= part

    def constant(self, register: str, value: int) -> None:
        self.add(f"mvn {register}, #{~value}" if value < 0 else f"movw {register}, #{value}")

    @property
    def reach(self) -> int:
        """The largest offset of a load: words have seven bits of words, bytes of bytes."""
        return 508 if self.tile.is_aligned else 127

    def run(self) -> tuple[str, ...]:
        tile = self.tile
        self.add("push {r4-r6, lr}", "vpush {d8-d15}", "mov r4, r1")
        self.constant("r5", tile.zero_point)
        if tile.rest:
            self.constant("r6", tile.rest)
            self.add("vctp.8 r6")
        if tile.pixels > 1:
            self.constant("r3", tile.pixels)
            self.label(1, "a pixel")
            self.add("mov r1, r4")
        if tile.vectors > 1:
            self.constant("r6", tile.vectors)
            self.add("dls lr, r6")
            self.label(2, "16 channels")
        if tile.vectors:
            self.vector(masked=False)
        if tile.vectors > 1:
            self.add("le lr, 2b")
        if tile.rest:
            self.vector(masked=True)
        if tile.pixels > 1:
            moved = tile.vectors * LANES + tile.rest
            self.advance("r0", tile.pixel_step - moved)
            self.add("subs r3, #1", "bne 1b")
        self.add("vpop {d8-d15}", "pop {r4-r6, pc}")
        return tuple(self.lines)

    def vector(self, *, masked: bool) -> None:
        """All taps of 16 channels, or of the rest of them."""
        tile = self.tile
        self.add(*(f"vldrw.32 q{i}, [r1], #16" for i in range(4)))
        offsets = tile.offsets
        moves = [b - a for a, b in pairwise(offsets)]
        end = (tile.rest if masked else LANES) - offsets[-1]
        moves.append(end)
        for first in range(0, len(offsets) - 1, 2):
            self.pair(moves[first : first + 2], masked)
        if len(offsets) % 2:
            self.load("q4", moves[-1], masked)
            self.add("vldrw.32 q5, [r1], #16")
            self.add("vmullb.s8 q6, q4, q5", "vmullt.s8 q5, q4, q5")
            self.accumulate()
        self.requantize()
        self.store(masked)

    def pair(self, moves: list[int], masked: bool) -> None:
        """The products of two taps; the second weights are loaded twice, as registers are short."""
        self.load("q4", moves[0], masked)
        self.add("vldrw.32 q5, [r1], #16")
        self.add("vmullb.s8 q6, q4, q5", "vmullt.s8 q5, q4, q5")
        self.load("q4", moves[1], masked)
        self.add("vldrw.32 q7, [r1]", "vmullb.s8 q7, q4, q7", "vadd.i16 q6, q6, q7")
        self.add("vldrw.32 q7, [r1], #16", "vmullt.s8 q7, q4, q7", "vadd.i16 q5, q5, q7")
        self.accumulate()

    def load(self, register: str, move: int, masked: bool) -> None:
        """The input under a tap; the pointer moves on to the next."""
        name = "vldrw" if self.tile.is_aligned else "vldrb"
        size = "32" if self.tile.is_aligned else "8"
        if masked:
            self.add("vpst")
        name = f"{name}t.{size}" if masked else f"{name}.{size}"
        if 0 < move <= self.reach or -self.reach <= move < 0:
            self.add(f"{name} {register}, [r0], #{move}")
            return
        self.add(f"{name} {register}, [r0]")
        self.advance("r0", move)

    def accumulate(self) -> None:
        """Widens the even channels' products in q6 and the odd ones' in q5, and adds them."""
        self.add("vmovlb.s16 q4, q6", "vmovlt.s16 q6, q6")
        self.add("vadd.i32 q0, q0, q4", "vadd.i32 q1, q1, q6")
        self.add("vmovlb.s16 q4, q5", "vmovlt.s16 q5, q5")
        self.add("vadd.i32 q2, q2, q4", "vadd.i32 q3, q3, q5")

    def requantize(self) -> None:
        for total in ("q0", "q1", "q2", "q3"):
            self.add("vldrw.32 q4, [r1], #16", f"vqrdmulh.s32 {total}, {total}, q4")
            if self.tile.corrects_sign:
                self.add(f"vshr.s32 q5, {total}, #31", f"vadd.i32 {total}, {total}, q5")
            self.add("vldrw.32 q4, [r1], #16", f"vrshl.s32 {total}, {total}, q4")

    def store(self, masked: bool) -> None:
        tile = self.tile
        self.add("vqmovnb.s32 q0, q0", "vqmovnb.s32 q2, q2")
        self.add("vqmovnt.s32 q0, q1", "vqmovnt.s32 q2, q3")
        self.add("vqadd.s16 q0, q0, r5", "vqadd.s16 q2, q2, r5")
        self.add("vqmovnb.s16 q0, q0", "vqmovnt.s16 q0, q2")
        for operation, bound, limit in (("vmax", tile.low, -128), ("vmin", tile.high, 127)):
            if bound != limit:
                self.constant("r6", bound)
                self.add("vdup.8 q1, r6", f"{operation}.s8 q0, q0, q1")
        if masked:
            self.add("vpst", f"vstrbt.8 q0, [r2], #{tile.rest}")
        else:
            self.add("vstrb.8 q0, [r2], #16")
