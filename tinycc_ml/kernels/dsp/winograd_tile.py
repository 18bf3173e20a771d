"""What the two tiles of the Winograd kernels compute, and how their data lie in memory.

- *rows*: uint8, input rows with the padding left and right, pixels of `channels` elements. An
  element is the input plus 128, so that two of them in a word are one number.
- *inputs*: int16, the transformed inputs of two tiles of outputs: for each position, for each two
  channels, for each tile, a word of both channels. Of four channels, 0 and 2 are in one word, 1 and
  3 in the next.
- *sums*: uint32, for each position and filter of a group the sum of each tile.

Positions are numbered column by column.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.dsp.winograd_algorithm import Algorithm

#: Tiles of outputs that are computed together.
TILES = 2
#: Filters that are computed together.
FILTERS = 4
#: Channels that a word of the rows holds.
CHANNELS = 4
#: Words of a filter in the stream behind those of the corners: bias, multiplier, rounding,
#: exponent.
SCALE_WORDS = 4


def channel_of(step: int, half: int) -> int:
    """The channel in a half of the words of a step."""
    return step // 2 * CHANNELS + step % 2 + 2 * half


@dataclass(frozen=True, slots=True)
class InputTile:
    """The transform of one tile's inputs.

    Attributes:
        algorithm: Which transform.
        channels: Channels, a multiple of 4.
        row_elements: Distance between the rows.
    """

    algorithm: Algorithm
    channels: int
    row_elements: int

    @property
    def name(self) -> str:
        """Distinct for distinct tiles."""
        return f"winograd_{self.algorithm.name}_inputs__dsp_c{self.channels}_r{self.row_elements}"

    @property
    def rows_elements(self) -> int:
        """From the first element to the last one, inclusive."""
        n = self.algorithm.size
        return (n - 1) * self.row_elements + n * self.channels

    @property
    def position_elements(self) -> int:
        """Transformed inputs of a position."""
        return TILES * self.channels

    @property
    def inputs_elements(self) -> int:
        """From the first element of the tile to its last one, inclusive."""
        return self.algorithm.positions * self.position_elements - 2 * (TILES - 1)


@dataclass(frozen=True, slots=True)
class ProductTile:
    """All outputs of one or two tiles: products, sums, the transform back, requantization.

    Attributes:
        algorithm: Which transform.
        channels: Input channels, a multiple of 4.
        filters: Output channels.
        tiles: 1 or 2.
        tile_step: Output elements between the first pixels of the two tiles.
        row_step: Output elements between two rows.
        low: Lowest output.
        high: Highest output.
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
    """

    algorithm: Algorithm
    channels: int
    filters: int
    tiles: int
    tile_step: int
    row_step: int
    low: int
    high: int
    corrects_sign: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles."""
        name = f"winograd_{self.algorithm.name}_s8_{self.tiles}x{FILTERS}__dsp"
        name += f"_c{self.channels}_o{self.filters}_r{self.row_step}"
        if self.tiles > 1:
            name += f"_t{self.tile_step}"
        if self.low > -128:
            name += f"_low{self.low}".replace("-", "m")
        if self.high < 127:
            name += f"_high{self.high}".replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"

    @property
    def steps(self) -> int:
        """Words of a tile's inputs at a position."""
        return self.channels // 2

    @property
    def inputs_elements(self) -> int:
        """From the first element to the last one, inclusive."""
        return self.algorithm.positions * TILES * self.channels - 2 * (TILES - self.tiles)

    @property
    def sums_elements(self) -> int:
        """Sums of a group of filters."""
        return self.algorithm.positions * self.position_sums

    @property
    def position_sums(self) -> int:
        """Sums of a position."""
        return FILTERS * self.tiles

    @property
    def groups(self) -> tuple[int, ...]:
        """How many filters of each group are alive: all but in the last one."""
        full, rest = divmod(self.filters, FILTERS)
        return (FILTERS,) * full + (rest,) * bool(rest)

    @property
    def weight_words(self) -> int:
        """Words of a group's weights in the stream: all four filters, by position and step."""
        return self.algorithm.positions * self.steps * FILTERS

    @property
    def filter_words(self) -> int:
        """Words of a filter behind the weights of its group."""
        return len(self.algorithm.corners()) + SCALE_WORDS

    def group_words(self, live: int) -> int:
        """Words of a group in the stream."""
        return self.weight_words + live * self.filter_words

    @property
    def stream_words(self) -> int:
        """Words of the whole stream."""
        return sum(map(self.group_words, self.groups))

    @property
    def output_elements(self) -> int:
        """From the first output to the last one, inclusive."""
        m = self.algorithm.outputs
        tiles = (self.tiles - 1) * self.tile_step
        return tiles + (m - 1) * (self.row_step + self.filters) + self.filters
