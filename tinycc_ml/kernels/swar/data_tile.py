"""What a data tile computes: all filters of a layer on one column, weights read from a stream.

Here it is two *filters* that share a word: their weights as unsigned bytes, 128 added, four
filters in a word of the stream in the order 0, 2, 1, 3. A mask then gives ``u0 + 65536*u1``, a
shift and the mask ``u2 + 65536*u3``, and a multiplication by an element of the column gives two
products. What the 128 add to a chunk is the same for all filters, ``128 * 65537 * (sum of its
elements)``: the chunk's sum starts at ``0x8000`` less that, a word that stands in the column ahead
of the chunk's elements. So the column is chunks of one size: start, elements, start, elements ...
"""

from __future__ import annotations

from dataclasses import dataclass

#: Filters in a word of the stream.
GROUP = 4
#: What a group's part of the stream starts with: `total` and `upper` of both words.
HEAD_WORDS = 4


@dataclass(frozen=True, slots=True)
class DataTile:
    """What a tile computes.

    Attributes:
        filters: Output channels.
        runs: Pieces of the column.
        chunks: Chunks in a piece.
        chunk: Elements of a chunk.
        run_stride: Words between the starts of pieces.
        scale_words: Words of a filter's scale in the stream.
        low: Lowest output.
        high: Highest output.
        corrects: Whether negative sums are rounded in another way than the others.
    """

    filters: int
    runs: int
    chunks: int
    chunk: int
    run_stride: int
    scale_words: int
    low: int
    high: int
    corrects: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles of an instruction set."""
        name = f"{self.filters}x{self.runs}x{self.chunks}x{self.chunk}"
        if self.runs > 1:
            name += f"_r{self.run_stride}"
        if self.low > -128:
            name += f"_low{self.low}".replace("-", "m")
        if self.high < 127:
            name += f"_high{self.high}".replace("-", "m")
        return name if self.corrects else f"{name}_relu"

    @property
    def groups(self) -> int:
        """Groups of filters; the last one may be filled up with filters that have no output."""
        return -(-self.filters // GROUP)

    @property
    def run_words(self) -> int:
        """Words of a piece of the column."""
        return self.chunks * (self.chunk + 1)

    @property
    def column_words(self) -> int:
        """From the first word to the last one, inclusive."""
        return (self.runs - 1) * self.run_stride + self.run_words

    @property
    def elements(self) -> int:
        """Elements of the column."""
        return self.runs * self.chunks * self.chunk

    @property
    def group_words(self) -> int:
        """Words of a group in the stream."""
        return HEAD_WORDS + self.elements + GROUP * self.scale_words

    @property
    def flushes(self) -> int:
        """Chunks of the column."""
        return self.runs * self.chunks
