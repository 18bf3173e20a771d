"""Code tiles for cores with Thumb-2 but without the DSP extension: Cortex-M3.

A product takes a move of the weight and a multiply-accumulate, or, for weights with at most two
signed binary digits, that many additions of a shifted word. Nothing here needs more than ARMv7-M.
"""

from __future__ import annotations

from functools import lru_cache

from tinycc_ml.kernels.swar.code_assembly import (
    CONSTANTS,
    END,
    FIRST_COLUMNS,
    FIRST_GROUP,
    FIRST_OUTPUT,
    FRAME_BYTES,
    LEAVE,
    LOOP,
    OUTPUT,
    SUMS,
    TABLE,
    TOTALS,
    CodeAssembler,
    Product,
)
from tinycc_ml.kernels.swar.code_tile import Group
from tinycc_ml.kernels.swar.long_multiply import LongScale

#: Of a store: 0 ... 4095; of one that changes its base: up to 255.
OFFSET_LIMIT, POST_LIMIT = 4095, 255


@lru_cache(maxsize=256)
def signed_digits(weight: int) -> tuple[tuple[int, int], ...]:
    """(sign, exponent) of the shortest sum of powers of two; the highest exponent first."""
    digits, exponent = [], 0
    while weight:
        if weight & 1:
            sign = 2 - (weight & 3)
            digits.append((sign, exponent))
            weight -= sign
        weight >>= 1
        exponent += 1
    return tuple(reversed(digits))


class Thumb2Assembler(CodeAssembler):
    """See the module."""

    def enter(self) -> None:
        """See the base class."""
        self.add("push {r4-r11, lr}", f"sub sp, sp, #{FRAME_BYTES}")
        if not self.tile.by_number:
            self.add(f"str r0, [sp, #{FIRST_COLUMNS}]", f"str r1, [sp, #{FIRST_OUTPUT}]")
            return
        self.add(f"str r2, [sp, #{FIRST_OUTPUT}]", "ldr r1, [r1]")
        self.add(f"adr r3, {TABLE}f", "ldr r1, [r3, r1, lsl #2]", "add r3, r3, r1", "bx r3")
        self.add(".p2align 2")
        self.label(TABLE)
        for number in range(len(self.tile.groups)):
            self.add(f".word {FIRST_GROUP + number}f - {TABLE}b + 1")

    def leave(self) -> None:
        """See the base class."""
        self.add(f"add sp, sp, #{FRAME_BYTES}", "pop {r4-r11, pc}")

    def begin(self, group: Group) -> None:
        """See the base class."""
        tile = self.tile
        self.add(f"ldr r1, [sp, #{FIRST_OUTPUT}]")
        if not tile.by_number:
            self.add(f"ldr r0, [sp, #{FIRST_COLUMNS}]")
            self.advance("r1", "r1", group.output)
        self.advance("r2", "r1", tile.second)
        self.add(f"strd r1, r2, [sp, #{OUTPUT}]")
        self.advance("r3", "r1", tile.pairs * tile.pair_bytes)
        self.add(f"str r3, [sp, #{END}]")
        if tile.pairs > 1:
            self.label(LOOP)
        self.add("mov r7, #0x8000")

    def skip(self, words: int) -> None:
        """See the base class."""
        self.advance("r0", "r0", 4 * words)

    def advance(self, target: str, source: str, distance: int) -> None:
        """``target = source + distance``; r3 is free."""
        size, operation = abs(distance), "add" if distance >= 0 else "sub"
        if not size and target == source:
            return
        if size <= OFFSET_LIMIT:
            self.add(f"{operation} {target}, {source}, #{size}")
            return
        self.add(f"movw r3, #{size & 0xFFFF}")
        if size >> 16:
            self.add(f"movt r3, #{size >> 16}")
        self.add(f"{operation} {target}, {source}, r3")

    def multiply(self, x: str, products: list[Product]) -> None:
        """See the base class."""
        moved = 0
        # Equal weights stand together, so that they are moved once.
        for index, weight in sorted(products, key=lambda p: abs(p[1])):
            total, start = SUMS[index], self.start(index)
            sign, size = (1 if weight > 0 else -1), abs(weight)
            digits = signed_digits(size)
            if size == moved or len(digits) > 2:
                if size != moved:
                    self.add(f"movs r1, #{size}")
                    moved = size
                self.add(f"{'mla' if sign > 0 else 'mls'} {total}, {x}, r1, {start}")
                continue
            for digit, exponent in digits:
                operation = "add" if digit * sign > 0 else "sub"
                shift = f", lsl #{exponent}" if exponent else ""
                self.add(f"{operation} {total}, {start}, {x}{shift}")
                start = total

    def flush(self, index: int) -> None:
        """See the base class."""
        total, (all_, upper) = SUMS[index], TOTALS[index]
        if self.closed(index):
            self.add(f"mov {all_}, {total}", f"asr {upper}, {total}, #16")
        else:
            self.add(f"add {all_}, {all_}, {total}", f"add {upper}, {upper}, {total}, asr #16")

    def finish(self, group: Group) -> None:
        """See the base class."""
        tile = self.tile
        self.add(f"adr r6, {CONSTANTS}f")
        words: list[int] = []
        for index, filter_ in enumerate(group.filters):
            assert isinstance(filter_.scale, LongScale)
            words += self.requantize(index, filter_.scale)
        for low, high in TOTALS[: len(group.filters)]:
            self.clamp(low)
            self.clamp(high)
        self.add(f"ldrd r1, r2, [sp, #{OUTPUT}]")
        for index in reversed(range(len(group.filters))):
            is_last = index == 0 and tile.pair_bytes <= POST_LIMIT
            offset = index * tile.filter_bytes
            for pointer, value in zip(("r1", "r2"), TOTALS[index], strict=True):
                at = f"[{pointer}], #{tile.pair_bytes}" if is_last else f"[{pointer}, #{offset}]"
                self.add(f"strb {value}, {at}")
        if tile.pairs > 1:
            self.turn()
        self.constants(words)

    def turn(self) -> None:
        """The next pair, as long as there is one."""
        tile = self.tile
        if tile.pair_bytes > POST_LIMIT:
            self.advance("r1", "r1", tile.pair_bytes)
            self.advance("r2", "r2", tile.pair_bytes)
        self.advance("r0", "r0", 4 * self.rest_of_pair)
        self.add(f"strd r1, r2, [sp, #{OUTPUT}]", f"ldr r3, [sp, #{END}]")
        self.add("cmp r1, r3", f"bne.w {LOOP}b")

    @property
    def rest_of_pair(self) -> int:
        """Words from the end of a column to the start of the next."""
        tile = self.tile
        return tile.pair_words - (tile.runs - 1) * tile.run_stride - tile.run

    def constants(self, words: list[int]) -> None:
        """The constants of a group, which the code before it does not fall into."""
        self.add(f"b.w {LEAVE}f", ".p2align 2")
        self.label(CONSTANTS)
        self.add(*(f".word 0x{word:08x}" for word in words))
        self.label(LEAVE)

    def requantize(self, index: int, scale: LongScale) -> list[int]:
        """Both outputs of a filter; what it reads from r6 on."""
        low, high = TOTALS[index]
        words = [scale.multiplier, scale.start_low, scale.start_high]
        self.sums(index)
        if scale.bias is None:
            self.add("ldm r6!, {r1-r3}")
        else:
            words.append(scale.bias % (1 << 32))
            self.add("ldm r6!, {r1-r4}")
            self.add(*(f"add {x}, r4, {x}, lsl #1" for x in (low, high)))
        shift = f", asr #{scale.shift}" if scale.shift else ""
        # The first output works on a copy of the start.
        for x, start_low, start_high in ((low, "r5", "r7"), (high, "r2", "r3")):
            if x == low:
                self.add("mov r5, r2")
            if scale.corrects_sign:
                self.add(f"add {start_high}, r3, {x}, asr #31")
            elif x == low:
                self.add("mov r7, r3")
            self.add(f"smlal {start_low}, {start_high}, {x}, r1")
            self.add(f"ssat {x}, #8, {start_high}{shift}")
        return words

    def sums(self, index: int) -> None:
        """Totals to the sums of both pixels."""
        low, high = TOTALS[index]
        if not self.flushes[index]:
            self.add(f"mov {low}, #0", f"mov {high}, #0")
            return
        self.add(f"sub {low}, {low}, {high}, lsl #16")
        # Immediate operands are bytes, rotated.
        for first in range(0, self.flushes[index], 255):
            count = min(255, self.flushes[index] - first)
            self.add(f"sub {low}, {low}, #{count << 15}")

    def clamp(self, x: str) -> None:
        """To the limits of the layer, where they are not those of int8."""
        low, high = self.tile.low, self.tile.high
        at = 0
        # x & ~(x >> 31) is max(x, 0), x & (x >> 31) is min(x, 0).
        if low > -128:
            self.shift(x, -low)
            self.add(f"bic {x}, {x}, {x}, asr #31")
            at = low
        if high < 127:
            self.shift(x, at - high)
            self.add(f"and {x}, {x}, {x}, asr #31")
            at = high
        self.shift(x, at)

    def shift(self, x: str, distance: int) -> None:
        """Adds a small number."""
        if distance:
            self.add(f"{'add' if distance > 0 else 'sub'} {x}, {x}, #{abs(distance)}")
