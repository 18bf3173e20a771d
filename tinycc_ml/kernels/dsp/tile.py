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
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
        shares_scale: Whether all filters have the same multiplier, rounding and exponent.
        is_shared: Whether the text of the tile serves other tiles too; then the last group is full.
        word_stride: Distance between the words of a run; more than 2 if the two columns are
            interleaved.
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
    is_shared: bool = False
    word_stride: int = 2

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        shape = f"{self.runs}x{2 * self.steps}"
        if self.runs > 1:
            shape += f"_r{self.run_stride}"
        distance = f"_p{self.pixel_stride}" if self.pixels > 1 else ""
        if self.is_shared:
            return f"{self.shared_name}_{shape}_c{self.channels}"
        size = f"{self.pixels}x{self.filters}"
        return f"gemm_s8_{size}__dsp_{shape}{distance}_c{self.channels}{self._requantization}"

    @property
    def shared_name(self) -> str:
        """The name of the text, the same for all tiles that it serves."""
        name = f"gemm_s8_{self.pixels}x{self.filters}__dsp_any"
        if self.pixels > 1:
            name += f"_w{self.word_stride}" if self.is_interleaved else f"_p{self.pixel_stride}"
        return name + self._requantization

    @property
    def _requantization(self) -> str:
        name = "_one_scale" if self.shares_scale else ""
        if self.low > -128:
            name += f"_low{self.low}".replace("-", "m")
        if self.high < 127:
            name += f"_high{self.high}".replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"

    @property
    def is_interleaved(self) -> bool:
        """Whether words of the two columns take turns."""
        return self.word_stride > 2

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
        if not live:
            return None
        return Group(self.filters if self.is_shared else live + live % 2, live)

    @property
    def column_elements(self) -> int:
        """From the first element of the first column to the last one of the last, inclusive."""
        runs = (self.runs - 1) * self.run_stride
        last = (self.steps - 1) * self.word_stride + 2
        return runs + (self.pixels - 1) * self.pixel_stride + last

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
        return group.filters + words + self.scale_words(group)

    def scale_words(self, group: Group) -> int:
        """Words at the end of a group: the scales of its filters."""
        if self.shares_scale:
            return 0
        return SCALE_WORDS * (group.filters if self.is_shared else group.live)

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
