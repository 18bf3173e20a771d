"""Access order: which input elements an operator still needs while its output comes into being.

This is the promise that memory planning stands on. Overlap (an output over its dying input) and
row streaming (an input kept as a ring of rows) are safe exactly when the promise is kept, so the
tests compare it with the traced reads and writes of every lowered kernel.

An operator runs in *steps*: step ``t`` writes the output elements ``[t*k, (t+1)*k)`` with
``k = step_elements``, in ascending order of steps. Reads and writes within a step may interleave
unless ``reads_first`` is set, or do so channel by channel where ``pixel_elements`` is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Whole:
    """Any element may be read in any step."""


@dataclass(frozen=True, slots=True)
class Elementwise:
    """Step ``t`` reads the elements ``[t*k, (t+1)*k)`` only, where ``k`` is the step's size."""

    step_elements: int


@dataclass(frozen=True, slots=True)
class Window:
    """Step ``t`` is output pixel ``(t // out_width, t % out_width)`` and reads a window.

    Output row ``y`` reads the input rows ``y*stride - pad_top ... + (kernel-1)*dilation``, clipped
    to the input; columns alike. All channels of a pixel may be read.

    Attributes:
        in_shape: Height, width, channels of the input.
        out_width: Pixels per output row.
        kernel: Height and width of the window.
        stride: Vertical and horizontal.
        dilation: Vertical and horizontal.
        padding: Rows above and columns left of the input that count as padding.
    """

    in_shape: tuple[int, int, int]
    out_width: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def rows(self, y: int) -> tuple[int, int]:
        """First and one-past-last input row that output row ``y`` reads; may be empty."""
        first = y * self.stride[0] - self.padding[0]
        last = first + (self.kernel[0] - 1) * self.dilation[0]
        height = self.in_shape[0]
        return max(first, 0), min(last + 1, height)


@dataclass(frozen=True, slots=True)
class Spans:
    """Step ``t`` reads elements of ``[first, end)`` with ``(first, end) = spans[t]``, or none."""

    spans: tuple[tuple[int, int], ...]


Pattern = Whole | Elementwise | Window | Spans


@dataclass(frozen=True, slots=True)
class Access:
    """The access order of an operator.

    Attributes:
        step_elements: Output elements that one step writes; the whole output for ``Whole`` orders.
        inputs: (role, pattern) of every input that is a value of the graph.
        reads_first: Whether a step reads all that it needs before it writes.
        pixel_elements: The length of a pixel if a step reads each channel, in all pixels, before it
            writes that channel in any of them; 0 without such a promise. Input and output then
            have pixels of this length, so an output that lies whole pixels away from its input
            can only overwrite channels with themselves: as if `reads_first` were set.
    """

    step_elements: int
    inputs: tuple[tuple[str, Pattern], ...]
    reads_first: bool = False
    pixel_elements: int = 0


def lowest_read(pattern: Pattern, step: int, steps: int) -> int:
    """The lowest input element that any step ``>= step`` may read.

    One past any element (``2**62``) when nothing is read any more.
    """
    if step >= steps:
        return 1 << 62
    if isinstance(pattern, Whole):
        return 0
    if isinstance(pattern, Elementwise):
        return step * pattern.step_elements
    if isinstance(pattern, Spans):
        return min((first for first, end in pattern.spans[step:] if first < end), default=1 << 62)
    y, x = divmod(step, pattern.out_width)
    _, width, channels = pattern.in_shape
    row = max(0, y * pattern.stride[0] - pattern.padding[0])
    column = max(0, x * pattern.stride[1] - pattern.padding[1])
    if y + 1 >= steps // pattern.out_width:
        return (row * width + column) * channels
    # The next output row starts again at column 0, maybe above this window's last row.
    next_row = max(0, (y + 1) * pattern.stride[0] - pattern.padding[0])
    return min(row * width + column, next_row * width) * channels
