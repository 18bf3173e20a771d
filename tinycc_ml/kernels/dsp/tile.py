"""The shape of a GEMM tile: one or two columns of int16 times all filters of a layer.

A column holds the K input elements of an output pixel. It need not be in one piece: it may be a
number of runs at a constant distance, as in a buffer of input rows, where each kernel row is a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ELEMENT_BYTES = 2  # of a column
#: Words of a filter's scale: multiplier, rounding, exponent.
SCALE_WORDS = 3


@dataclass(frozen=True, slots=True)
class Group:
    """Filters that are computed together.

    Attributes:
        filters: Their number; even, as they come in pairs.
        live: How many of them have an output: all, or all but the last.
    """

    filters: int
    live: int


@dataclass(frozen=True, slots=True)
class GemmTile:
    """What a tile computes; counts and distances are in elements.

    Attributes:
        pixels: Columns, 1 or 2.
        filters: Filters in a group, 4 or 8.
        channels: Output channels: filters in all.
        runs: Pieces of a column.
        steps: Words (two elements) of a run.
        run_stride: Distance between the starts of runs; even, so that words are aligned.
        pixel_stride: Distance between the two columns; even.
        low: Lowest output.
        high: Highest output.
        corrects_sign: See :func:`tinycc_ml.kernels.dsp.requantize.corrects_sign`.
        shares_scale: Whether all filters have the same multiplier, rounding and exponent.
    """

    pixels: int
    filters: int
    channels: int
    runs: int
    steps: int
    run_stride: int
    pixel_stride: int
    low: int
    high: int
    corrects_sign: bool
    shares_scale: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        name = f"gemm_s8_{self.pixels}x{self.filters}__dsp_{self.runs}x{2 * self.steps}"
        if self.runs > 1:
            name += f"_r{self.run_stride}"
        if self.pixels > 1:
            name += f"_p{self.pixel_stride}"
        name += f"_c{self.channels}"
        if self.shares_scale:
            name += "_one_scale"
        if self.low > -128:
            name += f"_low{self.low}".replace("-", "m")
        if self.high < 127:
            name += f"_high{self.high}".replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"

    @property
    def full_groups(self) -> int:
        """Groups that have all their filters."""
        return self.channels // self.filters

    @property
    def full_group(self) -> Group:
        """A group that has all its filters."""
        return Group(self.filters, self.filters)

    @property
    def last_group(self) -> Group | None:
        """The rest, if there is one."""
        live = self.channels % self.filters
        return Group(live + live % 2, live) if live else None

    @property
    def column_elements(self) -> int:
        """From the first element of the first column to the last one of the last, inclusive."""
        runs = (self.runs - 1) * self.run_stride
        return runs + (self.pixels - 1) * self.pixel_stride + 2 * self.steps

    @property
    def output_elements(self) -> int:
        """Outputs of all pixels; they lie one behind the other."""
        return self.pixels * self.channels

    @property
    def head_words(self) -> int:
        """Words of the stream before the first group."""
        return SCALE_WORDS if self.shares_scale else 0

    def group_words(self, group: Group) -> int:
        """Words of a group in the stream."""
        words = self.runs * self.steps * group.filters // 2
        scales = 0 if self.shares_scale else SCALE_WORDS * group.live
        return group.filters + words + scales

    @property
    def stream_words(self) -> int:
        """Words of the whole stream."""
        last = self.last_group
        rest = self.group_words(last) if last else 0
        full = self.full_groups * self.group_words(self.full_group)
        return self.head_words + full + rest

    def accumulators(self, group: Group) -> Iterator[tuple[int, int, int]]:
        """(register, pixel, filter) of every sum of a group."""
        for pixel in range(self.pixels):
            for filter_ in range(group.filters):
                yield pixel * group.filters + filter_, pixel, filter_
