"""What a code tile computes: filters whose weights are instructions, on pixels in pairs.

A *pair* is two output pixels; an element of their input columns is one word, ``a + 65536 * b``, so
that a weight times a word is both products. The pixels of a pair lie half an image apart: then one
plane of words serves all taps of the kernel, whatever its size, stride and padding.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.swar.long_multiply import LongScale
from tinycc_ml.kernels.swar.short_multiply import ShortScale

#: Filters that share the loads of a column: more sums would not fit the registers.
FILTERS = 3


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        weights: One per word of the column.
        bias: The input's zero point is folded in.
        scale: Its requantization.
    """

    weights: tuple[int, ...]
    bias: int
    scale: ShortScale | LongScale


@dataclass(frozen=True, slots=True)
class Group:
    """Filters that are computed together.

    Attributes:
        filters: One to three.
        output: Of the first filter, in bytes from the output's start.
    """

    filters: tuple[Filter, ...]
    output: int


@dataclass(frozen=True, slots=True)
class CodeTile:
    """A row of pairs and all filters, or those of one channel.

    Attributes:
        groups: Filters in groups.
        by_number: Whether a call computes the one group whose number it is given, or all.
        pairs: Pairs in the row.
        runs: Pieces of a column.
        run: Words of a piece.
        run_stride: Words between the starts of pieces.
        pair_words: Words between the columns of neighbouring pairs.
        pair_bytes: Bytes between their outputs.
        second: Bytes between the outputs of a pair's pixels.
        filter_bytes: Bytes between the outputs of a group's filters.
        low: Lowest output.
        high: Highest output.
    """

    groups: tuple[Group, ...]
    by_number: bool
    pairs: int
    runs: int
    run: int
    run_stride: int
    pair_words: int
    pair_bytes: int
    second: int
    filter_bytes: int
    low: int
    high: int

    @property
    def column_words(self) -> int:
        """From the first word of the first column to the last one of the last, inclusive."""
        pairs = (self.pairs - 1) * self.pair_words
        return pairs + (self.runs - 1) * self.run_stride + self.run

    @property
    def output_bytes(self) -> int:
        """From the first output that a call writes to the last one, inclusive."""
        last = max(
            (0 if self.by_number else group.output) + (len(group.filters) - 1) * self.filter_bytes
            for group in self.groups
        )
        return self.second + (self.pairs - 1) * self.pair_bytes + last + 1


def group_sizes(filters: int) -> tuple[int, ...]:
    """Groups of three; rather two of two than one of three and a single one."""
    threes, rest = divmod(filters, FILTERS)
    if rest == 1 and threes:
        return (*(FILTERS,) * (threes - 1), 2, 2)
    return (*(FILTERS,) * threes, *((rest,) if rest else ()))
