"""How the outputs of a layer are cut into tiles, for one algorithm.

Tiles are whole: where the size is no multiple of m, the last ones reach back over outputs that are
computed already, and compute them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.winograd_algorithm import TAPS, Algorithm
from tinycc_ml.kernels.dsp.winograd_tile import CHANNELS, TILES, InputTile, ProductTile
from tinycc_ml.kernels.sums import corrects_sign


@dataclass(frozen=True, slots=True)
class Run:
    """Equal blocks of outputs in a row along one axis.

    Attributes:
        first: The first output of the first block.
        step: Distance between blocks.
        count: How many blocks.
        tiles: Tiles of a block, 1 or 2.
    """

    first: int
    step: int
    count: int
    tiles: int


@dataclass(frozen=True, slots=True)
class Layout:
    """The tiles of a layer.

    Attributes:
        algorithm: Which transform.
        shape: The convolution.
    """

    algorithm: Algorithm
    shape: ConvShape

    @property
    def channels(self) -> int:
        """Input channels in the rows: fours, the last of them with any value and no weight."""
        return -(-self.shape.in_channels // CHANNELS) * CHANNELS

    @property
    def columns(self) -> int:
        """Columns in the rows, padding included."""
        return self.shape.out_size[1] + TAPS - 1

    @property
    def left(self) -> int:
        """Columns of padding in the rows before the input."""
        return self.shape.padding[1]

    @property
    def row_elements(self) -> int:
        """Elements of a row."""
        return self.columns * self.channels

    @property
    def tile_distance(self) -> int:
        """Columns between the two tiles of a pair: m, or less in rows of less than two tiles."""
        m = self.algorithm.outputs
        return min(m, self.shape.out_size[1] - m)

    def lines(self) -> Iterator[Run]:
        """Rows of tiles."""
        m, height = self.algorithm.outputs, self.shape.out_size[0]
        yield Run(0, m, height // m, 1)
        if height % m:
            yield Run(height - m, m, 1, 1)

    def blocks(self) -> Iterator[Run]:
        """The tiles of a row of tiles."""
        m, width = self.algorithm.outputs, self.shape.out_size[1]
        pairs, rest = divmod(width, TILES * m)
        if pairs:
            yield Run(0, TILES * m, pairs, TILES)
        if 0 < rest <= m:
            yield Run(width - m, m, 1, 1)
        elif rest:
            yield Run(max(0, width - TILES * m), m, 1, TILES)

    def input_tile(self) -> InputTile:
        """The transform of inputs."""
        return InputTile(self.algorithm, self.channels, self.row_elements)

    def product_tile(self, tiles: int) -> ProductTile:
        """The outputs of one or two tiles."""
        s = self.shape
        return ProductTile(
            self.algorithm,
            self.channels,
            s.out_channels,
            tiles,
            self.tile_distance * s.out_channels if tiles > 1 else 0,
            s.out_size[1] * s.out_channels,
            s.numbers.output_min,
            s.numbers.output_max,
            corrects_sign(s.numbers),
        )


def layout_problem(layout: Layout) -> str | None:
    """Why a layer cannot be cut into tiles, or ``None``."""
    s, m = layout.shape, layout.algorithm.outputs
    if s.kernel != (TAPS, TAPS):
        return f"kernel {s.kernel[0]}x{s.kernel[1]}; allowed {TAPS}x{TAPS}"
    if s.stride != (1, 1):
        return f"stride {s.stride[0]}x{s.stride[1]}; allowed 1x1"
    if s.dilation != (1, 1):
        return f"dilation {s.dilation[0]}x{s.dilation[1]}; allowed 1x1"
    if min(s.out_size) < m:
        return f"output {s.out_size[0]}x{s.out_size[1]}; allowed {m}x{m} or more"
    return None
