"""How a depthwise layer is cut: which way lines run, and how many of them are gathered at a time.

Lines are rows of the image, or columns where that takes fewer instructions. Rows are computed in
blocks, so that the planes stay small; a block gathers the rows that its windows reach, those
between two blocks twice. Columns are taken all at once, as outputs would come in no order else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.kernels.dsp.conv_shape import ConvShape
from tinycc_ml.kernels.dsp.depthwise_planes_assembly import block_instructions
from tinycc_ml.kernels.dsp.depthwise_planes_gather import Gather
from tinycc_ml.kernels.dsp.depthwise_planes_tile import WORD_ELEMENTS, PlanesTile
from tinycc_ml.kernels.dsp.tile import ELEMENT_BYTES
from tinycc_ml.kernels.sums import corrects_sign

#: Planes take up to so many bytes, unless the lines under one output line take more.
PLANES_LIMIT_BYTES = 4096
VERTICAL, HORIZONTAL = 0, 1


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of the output that are computed from one filling of the planes.

    Attributes:
        first: Its first line.
        lines: Its lines.
        above: Lines of the planes that are padding, before those of the input.
        gathered: Lines of the input.
        below: Lines of padding behind them.
    """

    first: int
    lines: int
    above: int
    gathered: int
    below: int

    @property
    def pattern(self) -> tuple[int, ...]:
        """What blocks in a loop have in common."""
        return self.lines, self.above, self.gathered, self.below


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to cut a layer; `along` is the axis of the image along which lines run.

    With `is_shared` its intrinsics have texts for any size.
    """

    shape: ConvShape
    along: int
    block_lines: int
    is_shared: bool = False

    @property
    def across(self) -> int:
        """The other axis: from line to line."""
        return 1 - self.along

    @property
    def words(self) -> int:
        """Words of a line of the planes, per channel."""
        s, a = self.shape, self.along
        outputs = s.out_size[a]
        if self.is_shared:
            # The last two outputs are computed together.
            outputs += outputs % 2
        return ((outputs - 1) * s.stride[a] + s.kernel[a] + 1) // 2

    @property
    def plane_lines(self) -> int:
        """Lines of the planes."""
        return _lines_under(self.shape, self.across, self.block_lines)

    @property
    def plane_bytes(self) -> int:
        """Size of the planes: 16 bytes for each two elements of a line."""
        return self.plane_lines * self.words * WORD_ELEMENTS * ELEMENT_BYTES

    @property
    def pixels(self) -> int:
        """Pixels of a line of the input that are needed and exist."""
        s, a = self.shape, self.along
        needed = (s.out_size[a] - 1) * s.stride[a] + s.kernel[a]
        return min(s.in_size[a], needed - s.padding[a])

    def blocks(self) -> Iterator[Block]:
        """The blocks in order."""
        s, a = self.shape, self.across
        for first in range(0, s.out_size[a], self.block_lines):
            lines = min(self.block_lines, s.out_size[a] - first)
            start = first * s.stride[a] - s.padding[a]
            end = start + _lines_under(s, a, lines)
            above, below = max(0, -start), max(0, end - s.in_size[a])
            yield Block(first, lines, above, end - start - above - below, below)

    def gather(self, lines: int) -> Gather:
        """What fills the planes."""
        s = self.shape
        steps = (s.in_size[1] * s.in_channels, s.in_channels)
        is_odd = s.padding[self.along] % 2 == 1
        target = self.words * WORD_ELEMENTS
        return Gather(lines, self.pixels, is_odd, steps[self.along], steps[self.across], target)

    def tile(self, lines: int) -> PlanesTile:
        """What computes a block of so many lines."""
        s, n = self.shape, self.shape.numbers
        steps = (s.out_size[1] * s.in_channels, s.in_channels)
        return PlanesTile(
            lines,
            s.out_size[self.along],
            s.kernel[self.across],
            s.kernel[self.along],
            s.stride[self.along],
            self.words,
            s.dilation[self.across],
            s.stride[self.across],
            steps[self.along],
            steps[self.across],
            n.output_min,
            n.output_max,
            corrects_sign(n),
            self.is_shared,
        )


def layout_of(shape: ConvShape, *, is_shared: bool = False) -> Layout:
    """The better way to cut a layer; :func:`layout_problem` tells whether it can be computed."""
    rows = Layout(shape, HORIZONTAL, _block_lines(shape, is_shared), is_shared)
    columns = Layout(shape, VERTICAL, shape.out_size[HORIZONTAL], is_shared)
    if columns.plane_bytes > PLANES_LIMIT_BYTES or layout_problem(columns):
        return rows
    if layout_problem(rows):
        return columns
    blocks = -(-shape.out_size[VERTICAL] // rows.block_lines)
    by_rows = blocks * block_instructions(rows.tile(rows.block_lines))
    return rows if by_rows <= block_instructions(columns.tile(columns.block_lines)) else columns


def layout_problem(layout: Layout) -> str | None:
    """What of the shape does not allow this layout, or ``None``."""
    s, along = layout.shape, layout.along
    if s.dilation[along] > 1 and s.kernel[along] > 1:
        return f"dilation {s.dilation[0]}x{s.dilation[1]}; allowed 1 along the lines"
    if layout.pixels < 1 or any(block.gathered < 1 for block in layout.blocks()):
        return "some outputs see nothing but padding"
    return None


def _lines_under(shape: ConvShape, axis: int, lines: int) -> int:
    """Lines of the input under so many lines of the output."""
    span = (shape.kernel[axis] - 1) * shape.dilation[axis] + 1
    return (lines - 1) * shape.stride[axis] + span


def _block_lines(shape: ConvShape, is_shared: bool) -> int:
    """Rows of a block: as many as fit, in equal blocks if that costs few more of them."""
    rows = shape.out_size[VERTICAL]
    fitting = (
        lines
        for lines in range(rows, 1, -1)
        if Layout(shape, HORIZONTAL, lines, is_shared).plane_bytes <= PLANES_LIMIT_BYTES
    )
    least = -(-rows // next(fitting, 1))
    counts = range(least, least + least // 2 + 1)
    return -(-rows // next((n for n in counts if rows % n == 0), least))
