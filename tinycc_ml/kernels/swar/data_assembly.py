"""The assembly of data tiles for both instruction sets.

A turn of the inner loop is some chunks. Per element of the column: a word of weights, the element,
two masks, two multiply-accumulates; per chunk: its start, and totals and upper lanes of both
words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from tinycc_ml.kernels.swar.data_tile import GROUP, DataTile

#: Elements in a turn of the inner loop, about.
_UNROLL = 24
#: Slots of the frame, in bytes from the stack pointer.
COLUMN, GROUPS_END, OUTPUT, CHUNKS_END, RUNS_END, FRAME_BYTES = *range(0, 20, 4), 24
#: Numbers of local labels.
GROUPS, RUNS, CHUNKS, SKIP, LAST = 1, 2, 3, 4, 5


class DataAssembler(ABC):
    """Writes the naked function ``(column, stream, output)``: words, words, int8 elements."""

    def __init__(self, tile: DataTile) -> None:
        self.tile = tile
        self.lines: list[str] = []

    def run(self) -> tuple[str, ...]:
        """The lines."""
        tile = self.tile
        self.enter()
        full, rest = divmod(tile.filters, GROUP)
        if full:
            if full > 1:
                self.label(GROUPS)
            self.group(GROUP)
            if full > 1:
                self.next_group()
        if rest:
            self.group(rest)
        self.leave()
        return tuple(self.lines)

    def add(self, *instructions: str) -> None:
        """Adds instructions."""
        self.lines += [f"  {instruction}" for instruction in instructions]

    def label(self, number: int) -> None:
        """Adds a local label."""
        self.lines.append(f"{number}:")

    @property
    def full_outputs(self) -> int:
        """Outputs of the groups that have all their filters."""
        return self.tile.filters // GROUP * GROUP

    def group(self, live: int) -> None:
        """Sums and outputs of a group."""
        tile = self.tile
        self.begin()
        if tile.runs > 1:
            self.label(RUNS)
        most = max(1, _UNROLL // tile.chunk)
        at_once = next(n for n in range(most, 0, -1) if tile.chunks % n == 0)
        turns = tile.chunks // at_once
        if turns > 1:
            self.begin_chunks()
            self.label(CHUNKS)
        for _ in range(at_once):
            self.one_chunk()
        if turns > 1:
            self.branch(CHUNKS_END, CHUNKS)
        if tile.runs > 1:
            self.skip(tile.run_stride - tile.run_words)
            self.branch(RUNS_END, RUNS)
        self.sums()
        for index in range(live):
            self.requantize(index)
        self.end()

    @abstractmethod
    def enter(self) -> None:
        """Prologue."""

    @abstractmethod
    def leave(self) -> None:
        """Epilogue."""

    @abstractmethod
    def next_group(self) -> None:
        """Back to the next group, if there is one that has all its filters."""

    @abstractmethod
    def begin(self) -> None:
        """Column, start of totals and upper lanes, end of the runs."""

    @abstractmethod
    def begin_chunks(self) -> None:
        """Notes where the chunks of a run end."""

    @abstractmethod
    def branch(self, slot: int, label: int) -> None:
        """Back to a label unless the column has reached what a slot says."""

    @abstractmethod
    def skip(self, words: int) -> None:
        """Advances the column."""

    @abstractmethod
    def one_chunk(self) -> None:
        """The products of a chunk."""

    @abstractmethod
    def sums(self) -> None:
        """Totals to sums."""

    @abstractmethod
    def requantize(self, index: int) -> None:
        """The output of a filter."""

    @abstractmethod
    def end(self) -> None:
        """Keeps where the next group's outputs go."""
