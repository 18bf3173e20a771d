"""The shape of a depthwise tile: pixels by vectors of 16 channels, all taps of each."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.mve.gemm_tile import LANES

#: Which channels, modulo 4, the four sums of a vector hold: what widening bytes to words leaves.
PHASES = (0, 2, 1, 3)
_BYTES = 4  # of a word
#: Words of four lanes each of biases, and of multipliers and shifts.
BIAS_WORDS, SCALE_WORDS = 4 * len(PHASES), 8 * len(PHASES)


@dataclass(frozen=True, slots=True)
class DepthwiseTile:
    """What a tile computes; counts and distances are in elements, which are bytes.

    Attributes:
        pixels: Pixels, one behind the other in the output.
        channels: Channels of a pixel.
        pixel_step: Distance between two pixels in the input.
        rows: Rows of the kernel.
        row_stride: Distance between these.
        taps: Taps of a kernel row.
        tap_stride: Distance between these.
        is_aligned: Whether everything that is read lies at words.
        zero_point: Of the output.
        low: Lowest output.
        high: Highest output.
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
    """

    pixels: int
    channels: int
    pixel_step: int
    rows: int
    row_stride: int
    taps: int
    tap_stride: int
    is_aligned: bool
    zero_point: int
    low: int
    high: int
    corrects_sign: bool

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        name = f"depthwise_s8__mve_{self.rows}x{self.taps}_c{self.channels}"
        if self.pixels > 1:
            name += f"_p{self.pixel_step}_n{self.pixels}"
        if self.rows > 1:
            name += f"_r{self.row_stride}"
        if self.taps > 1:
            name += f"_t{self.tap_stride}"
        name += f"_z{self.zero_point}"
        if (self.low, self.high) != (-128, 127):
            name += f"_low{self.low}_high{self.high}"
        name = name.replace("-", "m")
        if self.is_aligned:
            name += "_aligned"
        return name if self.corrects_sign else f"{name}_relu"

    @property
    def offsets(self) -> list[int]:
        """Where each tap is."""
        return [
            row * self.row_stride + tap * self.tap_stride
            for row in range(self.rows)
            for tap in range(self.taps)
        ]

    @property
    def vectors(self) -> int:
        """Whole vectors of a pixel."""
        return self.channels // LANES

    @property
    def rest(self) -> int:
        """Channels of the last vector, 0 where it is full."""
        return self.channels % LANES

    @property
    def vector_words(self) -> int:
        """Words of a vector in the stream: biases, weights, multipliers and shifts."""
        return BIAS_WORDS + self.rows * self.taps * LANES // _BYTES + SCALE_WORDS

    @property
    def stream_words(self) -> int:
        """Words of the whole stream."""
        return -(-self.channels // LANES) * self.vector_words

    @property
    def input_elements(self) -> int:
        """From the first element that is read to the last, inclusive."""
        return (self.pixels - 1) * self.pixel_step + self.offsets[-1] + self.channels

    @property
    def output_elements(self) -> int:
        """Outputs of all pixels."""
        return self.pixels * self.channels
