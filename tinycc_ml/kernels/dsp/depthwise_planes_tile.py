"""The shape of a depthwise tile on planes: four channels of some lines of the output.

The input of four channels lies in *planes* of int16: lines of words, each word two neighbours of a
line (elements 2j and 2j+1), and for each word index the words of the four channels in a row. A tap
of the kernel is a half of such a word. Lines are rows of the image or its columns, whichever is
better; padding is part of the planes.

The weights of a kernel row are words of two neighbouring taps, so that a dual multiply-accumulate
takes two taps at once. Where an output starts in the second half of a word (odd outputs at an odd
stride), its pairs of taps are other ones, and the row has words for both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

CHANNELS = 4
#: Elements of the planes per word index: the words of all channels.
WORD_ELEMENTS = 2 * CHANNELS
#: Constants of a channel ahead of its weights: bias, multiplier, rounding, exponent.
SCALE_WORDS = 4


@dataclass(frozen=True, slots=True)
class Product:
    """One multiply-accumulate of a kernel row.

    Attributes:
        word: Index of the word of the planes, from the line's start.
        weight: Index of the word of weights within the kernel row.
        halves: ``""`` for both halves with both, else the half of the one and of the other.
    """

    word: int
    weight: int
    halves: str


@dataclass(frozen=True, slots=True)
class PlanesTile:
    """What a tile computes.

    Attributes:
        lines: Lines of the output.
        outputs: Outputs of a line.
        rows: Rows of the kernel: those that lie in different lines.
        taps: Taps of a kernel row.
        stride: Elements of a line between two outputs.
        words: Words of a line of the planes, per channel.
        row_lines: Lines of the planes between two rows of the kernel.
        step_lines: Lines of the planes between two lines of the output.
        output_step: Elements of the output between two outputs of a line.
        line_step: Elements of the output between two lines.
        low: Lowest output.
        high: Highest output.
        corrects_sign: See :func:`tinycc_ml.kernels.sums.corrects_sign`.
        is_shared: Whether the text of the tile serves tiles of other sizes too.
    """

    lines: int
    outputs: int
    rows: int
    taps: int
    stride: int
    words: int
    row_lines: int
    step_lines: int
    output_step: int
    line_step: int
    low: int
    high: int
    corrects_sign: bool
    is_shared: bool = False

    @property
    def name(self) -> str:
        """Distinct for distinct tiles: the symbol in C behind its prefix."""
        sizes = f"{self.lines}x{self.outputs}_w{self.words}_r{self.row_lines}_l{self.step_lines}"
        sizes += f"_o{self.output_step}_{self.line_step}"
        if self.is_shared:
            return f"{self.shared_name}_{sizes}"
        kernel = f"{self.rows}x{self.taps}s{self.stride}"
        return f"depthwise_planes_s8_{kernel}__dsp_{sizes}{self._requantization}"

    @property
    def shared_name(self) -> str:
        """The name of the text, the same for all tiles that it serves."""
        kernel = f"{self.rows}x{self.taps}s{self.stride}"
        return f"depthwise_planes_s8_{kernel}__dsp_any{self._requantization}"

    @property
    def _requantization(self) -> str:
        name = ""
        if self.low > -128:
            name += f"_low{self.low}".replace("-", "m")
        if self.high < 127:
            name += f"_high{self.high}".replace("-", "m")
        return name if self.corrects_sign else f"{name}_relu"

    @property
    def weight_starts(self) -> range:
        """The first taps of the words of weights of a kernel row."""
        if self.stride % 2 and (self.outputs > 1 or self.is_shared):
            return range(max(1, self.taps - 1))
        return range(0, self.taps, 2)

    @property
    def weight_words(self) -> int:
        """Words of weights of a channel."""
        return self.rows * len(self.weight_starts)

    @property
    def channel_words(self) -> int:
        """Words of a channel in the stream."""
        return SCALE_WORDS + self.weight_words

    @property
    def stream_words(self) -> int:
        """Words of the four channels in the stream."""
        return CHANNELS * self.channel_words

    @property
    def line_elements(self) -> int:
        """Elements of the planes from one line to the next."""
        return self.words * WORD_ELEMENTS

    @property
    def plane_lines(self) -> int:
        """Lines of the planes that the tile reads."""
        return (self.lines - 1) * self.step_lines + (self.rows - 1) * self.row_lines + 1

    @property
    def output_elements(self) -> int:
        """From the first output of the first channel to the last one of the last, inclusive."""
        lines = (self.lines - 1) * self.line_step
        return lines + (self.outputs - 1) * self.output_step + CHANNELS

    def home(self, tap: int) -> tuple[int, int]:
        """The word of weights within its kernel row that holds a tap, and the half of the word."""
        starts = self.weight_starts
        index = min(tap // starts.step, len(starts) - 1)
        return index, tap - starts[index]

    def products(self, output: int) -> Iterator[Product]:
        """The products of an output of a line with a kernel row."""
        tap = 0
        while tap < self.taps:
            word, half = divmod(self.stride * output + tap, 2)
            if half == 0 and tap + 1 < self.taps:
                yield Product(word, tap // self.weight_starts.step, "")
                tap += 2
            else:
                weight, weight_half = self.home(tap)
                yield Product(word, weight, "bt"[half] + "bt"[weight_half])
                tap += 1
