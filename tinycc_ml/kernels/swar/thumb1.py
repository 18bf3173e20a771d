"""Code tiles for cores with Thumb-1 only: Cortex-M0, M0+, M23.

A product takes three instructions: move the weight, multiply, add. It takes less for powers of
two, and where the filters of a group have weights for the same word that follow from each other:
an equal one (no product), its double (a shift), its neighbour (an addition). Their order is chosen
for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import permutations

from tinycc_ml.kernels.swar.code_assembly import (
    COLUMNS,
    CONSTANTS,
    END,
    FIRST_COLUMNS,
    FIRST_GROUP,
    FIRST_OUTPUT,
    FRAME_BYTES,
    LEAVE,
    LOOP,
    OUTPUT,
    SECOND,
    SKIP,
    SUMS,
    TABLE,
    TOTALS,
    CodeAssembler,
    Product,
)
from tinycc_ml.kernels.swar.code_tile import Group
from tinycc_ml.kernels.swar.short_multiply import ShortScale

#: Highest offset of a byte store, highest immediate operand.
STORE_LIMIT, IMMEDIATE_LIMIT = 31, 255


@lru_cache(maxsize=1 << 16)
def products(sizes: tuple[int, ...]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """How one word's products with weights of these sizes come about, in the cheapest order.

    Returns:
        For each weight its position in `sizes` and instructions that leave the product in r1, with
        ``x`` for the word's register; none where r1 holds the product, or where the word
        itself is it (a weight of 1).
    """
    orders = (tuple(_chain(sizes, order)) for order in permutations(range(len(sizes))))
    return min(orders, key=lambda chain: sum(len(steps) for _, steps in chain))


def _chain(sizes: tuple[int, ...], order: tuple[int, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    held = 0
    for position in order:
        size = sizes[position]
        if size == 1:
            yield position, ()
            continue
        yield position, _product(size, held)
        held = size


def _product(size: int, held: int) -> tuple[str, ...]:
    if size == held:
        return ()
    if held and size % held == 0 and (size // held).bit_count() == 1:
        return (f"lsls r1, r1, #{(size // held).bit_length() - 1}",)
    if held and abs(size - held) == 1:
        return ("adds r1, r1, x" if size > held else "subs r1, r1, x",)
    if size.bit_count() == 1:
        return (f"lsls r1, x, #{size.bit_length() - 1}",)
    return (f"movs r1, #{size}", "muls r1, x, r1")


class Thumb1Assembler(CodeAssembler):
    """See the module."""

    def enter(self) -> None:
        """See the base class."""
        self.add("push {r4-r7, lr}", *(f"mov r{i}, r{i + 4}" for i in range(4, 8)))
        self.add("push {r4-r7}", f"sub sp, sp, #{FRAME_BYTES}", f"str r0, [sp, #{FIRST_COLUMNS}]")
        if not self.tile.by_number:
            self.add(f"str r1, [sp, #{FIRST_OUTPUT}]")
            return
        self.add(f"str r2, [sp, #{FIRST_OUTPUT}]", "ldr r1, [r1]", "lsls r1, r1, #2")
        self.add(f"adr r3, {TABLE}f", "ldr r1, [r3, r1]", "adds r3, r3, r1", "bx r3")
        self.add(".p2align 2")
        self.label(TABLE)
        for number in range(len(self.tile.groups)):
            self.add(f".word {FIRST_GROUP + number}f - {TABLE}b + 1")

    def leave(self) -> None:
        """See the base class."""
        self.add(f"add sp, sp, #{FRAME_BYTES}", "pop {r4-r7}")
        self.add(*(f"mov r{i + 4}, r{i}" for i in range(4, 8)), "pop {r4-r7, pc}")

    def begin(self, group: Group) -> None:
        """See the base class."""
        tile = self.tile
        self.add(f"ldr r0, [sp, #{FIRST_COLUMNS}]", f"str r0, [sp, #{COLUMNS}]")
        self.add(f"ldr r1, [sp, #{FIRST_OUTPUT}]")
        if not tile.by_number:
            self.advance("r1", group.output, "r2")
        self.add(f"str r1, [sp, #{OUTPUT}]")
        self.advance("r1", tile.pairs * tile.pair_bytes, "r2")
        self.add(f"str r1, [sp, #{END}]")
        self.constant("r1", tile.second)
        self.add(f"str r1, [sp, #{SECOND}]")
        if tile.pairs > 1:
            self.label(LOOP)
        self.add(f"ldr r0, [sp, #{COLUMNS}]", "movs r7, #128", "lsls r7, r7, #8")

    def skip(self, words: int) -> None:
        """See the base class."""
        self.advance("r0", 4 * words, "r1")

    def constant(self, target: str, value: int) -> None:
        """``target = value``, 0 ... 2^31 - 1: byte after byte."""
        data = value.to_bytes(4, "big").lstrip(b"\0") or b"\0"
        self.add(f"movs {target}, #{data[0]}")
        shift = 0
        for byte in data[1:]:
            shift += 8
            if byte:
                self.add(f"lsls {target}, {target}, #{shift}", f"adds {target}, #{byte}")
                shift = 0
        if shift:
            self.add(f"lsls {target}, {target}, #{shift}")

    def advance(self, target: str, distance: int, scratch: str) -> None:
        """``target += distance``."""
        size, operation = abs(distance), "adds" if distance >= 0 else "subs"
        if not size:
            return
        if size <= IMMEDIATE_LIMIT:
            self.add(f"{operation} {target}, #{size}")
        elif size <= 2 * IMMEDIATE_LIMIT:
            rest = size - IMMEDIATE_LIMIT
            self.add(f"{operation} {target}, #{IMMEDIATE_LIMIT}", f"{operation} {target}, #{rest}")
        else:
            self.constant(scratch, size)
            self.add(f"{operation} {target}, {target}, {scratch}")

    def multiply(self, x: str, products_: list[Product]) -> None:
        """See the base class."""
        for position, steps in products(tuple(abs(weight) for _, weight in products_)):
            index, weight = products_[position]
            self.add(*(step.replace("x", x) for step in steps))
            operation = "adds" if weight > 0 else "subs"
            product = x if abs(weight) == 1 else "r1"
            self.add(f"{operation} {SUMS[index]}, {self.start(index)}, {product}")

    def flush(self, index: int) -> None:
        """See the base class."""
        total, (all_, upper) = SUMS[index], TOTALS[index]
        first = self.closed(index)
        for target, preparation in ((all_, ""), (upper, f"asrs {total}, {total}, #16")):
            if preparation:
                self.add(preparation)
            self.add(f"mov {target}, {total}" if first else f"add {target}, {total}")

    def finish(self, group: Group) -> None:
        """See the base class."""
        tile = self.tile
        # Without runs the next column starts where this one ends.
        follows = self.rest_of_pair == 0
        if follows and tile.pairs > 1:
            self.add(f"str r0, [sp, #{COLUMNS}]")
        self.add(f"adr r0, {CONSTANTS}f")
        words: list[int] = []
        for index, filter_ in enumerate(group.filters):
            assert isinstance(filter_.scale, ShortScale)
            words += self.requantize(index, filter_.bias, filter_.scale)
            self.store(index)
        if tile.pairs > 1:
            self.turn(follows=follows)
        else:
            self.add(f"b {LEAVE}f")
        self.add(".p2align 2")
        self.label(CONSTANTS)
        self.add(*(f".word 0x{word % (1 << 32):08x}" for word in words))
        self.label(LEAVE)

    @property
    def rest_of_pair(self) -> int:
        """Words from the end of a column to the start of the next."""
        tile = self.tile
        return tile.pair_words - (tile.runs - 1) * tile.run_stride - tile.run

    def turn(self, *, follows: bool) -> None:
        """The next pair, as long as there is one; a call reaches any distance."""
        tile = self.tile
        self.add(f"ldr r1, [sp, #{OUTPUT}]")
        self.advance("r1", tile.pair_bytes, "r2")
        self.add(f"str r1, [sp, #{OUTPUT}]")
        if not follows:
            self.add(f"ldr r0, [sp, #{COLUMNS}]")
            self.advance("r0", 4 * tile.pair_words, "r2")
            self.add(f"str r0, [sp, #{COLUMNS}]")
        self.add(f"ldr r2, [sp, #{END}]", "cmp r1, r2", f"beq {LEAVE}f", f"bl {LOOP}b")

    def requantize(self, index: int, bias: int, scale: ShortScale) -> list[int]:
        """Both outputs of a filter in r2 and r3; what it reads from r0 on."""
        self.sums(index)
        start = bias - scale.base
        words = [start - (self.flushes[index] << 15), start]
        registers = ["r4", "r5"]
        if scale.clamps_high:
            words.append(scale.range)
            registers.append("r6")
        words.append(scale.high)
        registers.append("r7")
        self.add(f"ldm r0!, {{{', '.join(registers)}}}", "adds r2, r2, r4", "adds r3, r3, r5")
        for x in ("r2", "r3"):
            if scale.clamps_low:
                self.add(f"asrs r1, {x}, #31", f"bics {x}, r1")
            if scale.clamps_high:
                self.add(f"cmp {x}, r6", f"ble {SKIP}f", f"mov {x}, r6")
                self.label(SKIP)
        words += [scale.low, scale.rounding]
        zero = TOTALS[index][0]
        if scale.extra:
            words += [scale.extra, -scale.base]
            self.add("ldm r0!, {r4, r5, r6}", "ldm r0!, {r1}", f"mov {zero}, r1")
        else:
            self.add("ldm r0!, {r4, r5}")
        for x in ("r2", "r3"):
            self.add(f"mov r1, {x}", "muls r1, r4, r1", f"lsrs r1, r1, #{scale.cut}")
            if scale.extra:
                # The multiplication leaves the carry as it is.
                self.add(f"cmp {x}, {zero}", f"muls {x}, r7, {x}", f"bcc {SKIP}f")
                self.add(f"adds {x}, {x}, r6")
                self.label(SKIP)
            else:
                self.add(f"muls {x}, r7, {x}")
            self.add(f"adds {x}, {x}, r1", f"adds {x}, {x}, r5")
            if scale.shift:
                self.add(f"lsrs {x}, {x}, #{scale.shift}")
        return words

    def sums(self, index: int) -> None:
        """Totals to the sums of both pixels, but for constants."""
        low, high = TOTALS[index]
        if not self.flushes[index]:
            self.add("movs r2, #0", "movs r3, #0")
            return
        self.add(f"mov r3, {high}", f"mov r2, {low}", "lsls r1, r3, #16", "subs r2, r2, r1")

    def store(self, index: int) -> None:
        """r2 and r3 to the outputs of a filter."""
        offset = index * self.tile.filter_bytes
        self.add(f"ldr r1, [sp, #{OUTPUT}]", f"ldr r4, [sp, #{SECOND}]")
        if offset <= STORE_LIMIT:
            self.add(f"strb r2, [r1, #{offset}]")
            self.advance("r4", offset, "r5")
        else:
            self.advance("r1", offset, "r5")
            self.add("strb r2, [r1]")
        self.add("strb r3, [r1, r4]")
