"""The assembly of a code tile: what both instruction sets have in common.

For each group of filters: a loop over the pairs of the row; in its body the column's words are
loaded two at a time, each is multiplied by its weights, chunks are flushed where their lanes are
full, the sums are requantized and stored. There is no other loop and no load of a weight.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from tinycc_ml.kernels.swar.chunks import Chunk
from tinycc_ml.kernels.swar.code_tile import CodeTile, Group

#: A filter's index in its group, and its weight.
Product = tuple[int, int]
#: Registers of `total` and `upper` of each filter of a group, and of the chunk's sum.
TOTALS = (("r8", "r9"), ("r10", "r11"), ("r12", "lr"))
SUMS = ("r4", "r5", "r6")
#: Slots of the frame, in bytes from the stack pointer.
OUTPUT, SECOND, END, COLUMNS, FIRST_COLUMNS, FIRST_OUTPUT, FRAME_BYTES = *range(0, 24, 4), 24
#: Numbers of local labels; those of groups come behind.
LOOP, CONSTANTS, LEAVE, TABLE, SKIP, FIRST_GROUP = 1, 2, 3, 4, 5, 100

PLAN = (
    "r0: columns; r1: product; r2, r3: two words of the column; r7: 0x8000.",
    "r4-r6: the chunks' sums of three filters; r8-r12, lr: their totals and upper lanes.",
)


class CodeAssembler(ABC):
    """Writes the naked function ``(const int32_t *columns, int8_t *output)``.

    Where a call computes one group, a pointer to its number comes between the two.
    """

    def __init__(self, tile: CodeTile) -> None:
        self.tile = tile
        self.lines: list[str] = []
        self.chunks: list[Chunk] = []
        self.is_open: list[bool] = []
        self.flushes: list[int] = []

    def run(self) -> tuple[str, ...]:
        """The lines."""
        self.enter()
        for number, group in enumerate(self.tile.groups):
            if self.tile.by_number:
                self.lines.append(f"{FIRST_GROUP + number}:  @ group {number}")
            self.group(group)
            if self.tile.by_number:
                self.leave()
        if not self.tile.by_number:
            self.leave()
        return tuple(self.lines)

    def add(self, *instructions: str) -> None:
        """Adds instructions."""
        self.lines += [f"  {instruction}" for instruction in instructions]

    def label(self, number: int) -> None:
        """Adds a local label."""
        self.lines.append(f"{number}:")

    def group(self, group: Group) -> None:
        """The loop over the pairs for a group."""
        self.chunks = [Chunk() for _ in group.filters]
        self.is_open = [False] * len(group.filters)
        self.flushes = [0] * len(group.filters)
        self.begin(group)
        for run in range(self.tile.runs):
            if run:
                self.skip(self.tile.run_stride - self.tile.run)
            self.products(group, run * self.tile.run)
        for index in range(len(group.filters)):
            if self.is_open[index]:
                self.flush(index)
        self.finish(group)

    def products(self, group: Group, first: int) -> None:
        """The products of a piece of the column, in pairs of words."""
        for start in range(first, first + self.tile.run, 2):
            words = range(start, min(start + 2, first + self.tile.run))
            registers = ("r2", "r3")[: len(words)]
            self.add(f"ldm r0!, {{{', '.join(registers)}}}")
            for x, word in zip(registers, words, strict=True):
                self.word(x, [(i, f.weights[word]) for i, f in enumerate(group.filters)])

    def word(self, x: str, products: list[Product]) -> None:
        """One word times its weights; a chunk that has no room for its product ends before it."""
        products = [(index, weight) for index, weight in products if weight]
        for index, weight in products:
            if not self.chunks[index].takes(weight):
                self.flush(index)
                self.chunks[index] = Chunk()
                self.chunks[index].takes(weight)
        self.multiply(x, products)

    def start(self, index: int) -> str:
        """What the next product of a filter is added to: the sum, or 0x8000 in a new chunk."""
        register = SUMS[index] if self.is_open[index] else "r7"
        self.is_open[index] = True
        return register

    def closed(self, index: int) -> bool:
        """Ends a chunk; whether it is the filter's first one."""
        self.is_open[index] = False
        self.flushes[index] += 1
        return self.flushes[index] == 1

    @abstractmethod
    def enter(self) -> None:
        """Prologue, and the way to the group that is asked for."""

    @abstractmethod
    def leave(self) -> None:
        """Epilogue."""

    @abstractmethod
    def begin(self, group: Group) -> None:
        """Slots of the frame, the loop's label, 0x8000 in r7, columns in r0."""

    @abstractmethod
    def skip(self, words: int) -> None:
        """Advances r0."""

    @abstractmethod
    def multiply(self, x: str, products: list[Product]) -> None:
        """Adds products to sums."""

    @abstractmethod
    def flush(self, index: int) -> None:
        """Ends a chunk."""

    @abstractmethod
    def finish(self, group: Group) -> None:
        """Requantizes and stores, and turns the loop."""
