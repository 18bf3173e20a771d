"""The shape of a GEMM tile for vectors of 16 bytes: columns of int8 times all filters of a layer.

A column holds the K input elements of an output pixel. It need not be in one piece: it may be a
number of runs at a constant distance, as in an image, where each kernel row is a run. Runs may lie
at any address; behind a run nothing is read.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Elements of a vector register.
LANES = 16
#: Filters whose outputs are requantized as one vector.
QUAD = 4
#: Words of a quad's bias, multipliers and shifts.
SCALE_WORDS = 3 * QUAD


@dataclass(frozen=True, slots=True)
class Group:
    """Filters that are computed together.

    Attributes:
        filters: Their number, a multiple of 4.
        live: How many of them have an output.
    """

    filters: int
    live: int

    @property
    def quads(self) -> range:
        """The first filter of each quad."""
        return range(0, self.filters, QUAD)


@dataclass(frozen=True, slots=True)
class GemmTile:
    """What a tile computes; counts and distances are in elements, which are bytes.

    Attributes:
        pixels: Columns at a time, 1 or 2; `pixels * filters` sums fit eight registers.
        turns: How often so many columns are computed.
        filters: Filters in a group, 4 or 8.
        channels: Output channels: filters in all.
        runs: Pieces of a column.
        run: Elements of a piece.
        run_stride: Distance between the starts of runs.
        pixel_stride: Distance between two columns.
        zero_point: Of the output.
        low: Lowest output.
        high: Highest output.
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
    """

    pixels: int
    turns: int
    filters: int
    channels: int
    runs: int
    run: int
    run_stride: int
    pixel_stride: int
    zero_point: int
    low: int
    high: int
    corrects_sign: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        name = f"gemm_s8_{self.pixels}x{self.filters}__mve_{self.runs}x{self.run}"
        if self.runs > 1:
            name += f"_r{self.run_stride}"
        if self.pixels * self.turns > 1:
            name += f"_p{self.pixel_stride}_n{self.pixels * self.turns}"
        name += f"_c{self.channels}_z{self.zero_point}"
        if (self.low, self.high) != (-128, 127):
            name += f"_low{self.low}_high{self.high}"
        name = name.replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"

    @property
    def steps(self) -> int:
        """Vectors of a run."""
        return -(-self.run // LANES)

    @property
    def rest(self) -> int:
        """Elements of a run's last vector, 0 where it is full."""
        return self.run % LANES

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
        return Group(-(-live // QUAD) * QUAD, live) if live else None

    @property
    def column_elements(self) -> int:
        """From the first element of the first column to the last one of the last, inclusive."""
        pixels = (self.pixels * self.turns - 1) * self.pixel_stride
        return pixels + (self.runs - 1) * self.run_stride + self.run

    @property
    def output_elements(self) -> int:
        """Outputs of all pixels; they lie one behind the other."""
        return self.pixels * self.turns * self.channels

    def group_words(self, group: Group) -> int:
        """Words of a group in the stream: its weights, then the scales of each quad."""
        weights = self.runs * self.steps * group.filters * LANES // 4
        return weights + group.filters // QUAD * SCALE_WORDS

    @property
    def stream_words(self) -> int:
        """Words of the whole stream."""
        last = self.last_group
        rest = self.group_words(last) if last else 0
        return self.full_groups * self.group_words(self.full_group) + rest
