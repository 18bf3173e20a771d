"""How far an output must start below an input that dies while it is written: the safe distance.

With ``W(t)`` the bytes written once turn ``t`` is over and ``L(t)`` the lowest input byte that turn
``t`` or a later one reads, ``offset[input] >= offset[output] + d`` is safe exactly for
``d >= max over t of W(t) - L(t)``; a kernel that reads before it writes within a turn has
``L(t + 1)`` instead.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinycc_ml.memplan.execution import OrderedRead, WriteOrder
from tinycc_ml.ops import Elementwise, Spans, Whole, Window

#: Beyond any byte: nothing is read any more.
_NOTHING = 1 << 62
_Steps = npt.NDArray[np.int64]


def safe_distance_bytes(order: WriteOrder, read: OrderedRead) -> int:
    """The least ``d`` for which ``offset[input] >= offset[output] + d`` is safe; exact.

    It may be negative (the output shrinks so fast that it may even start above the input), and is
    hugely so if nothing is read after the first write.

    Args:
        order: The turns of the output.
        read: One of the reads of that order.
    """
    if isinstance(read.pattern, Whole):
        return order.turns * order.turn_bytes
    last = order.turns - 1 - order.reads_first
    if last < 0:
        return -_NOTHING
    if isinstance(read.pattern, Elementwise):
        # W and L are straight lines, so an end of the interval has the largest difference.
        read_bytes = read.pattern.step_elements * read.element_bytes
        return max(
            (t + 1) * order.turn_bytes - (t + order.reads_first) * read_bytes for t in (0, last)
        )
    if isinstance(read.pattern, Spans):
        firsts = [first if first < end else _NOTHING for first, end in read.pattern.spans]
        lowest = np.array(firsts, np.int64)
    else:
        lowest = _lowest_of_windows(read.pattern, order.turns)
    # From each turn on; the rows of a dilated window do not simply descend.
    lowest = np.minimum.accumulate(lowest[::-1])[::-1][int(order.reads_first) :]
    written = np.arange(1, len(lowest) + 1, dtype=np.int64) * order.turn_bytes
    needed = lowest < _NOTHING
    if not needed.any():
        return -_NOTHING
    return int((written[needed] - lowest[needed] * read.element_bytes).max())


def _lowest_of_windows(window: Window, turns: int) -> _Steps:
    """Per output pixel, the lowest element of its own window."""
    height, width, channels = window.in_shape
    rows = _lowest_taps(window, 0, -(-turns // window.out_width), height)[:, np.newaxis]
    columns = _lowest_taps(window, 1, window.out_width, width)[np.newaxis, :]
    empty = (rows == _NOTHING) | (columns == _NOTHING)
    with np.errstate(over="ignore"):  # only where the result is not used
        elements = (rows * width + columns) * channels
    return np.where(empty, _NOTHING, elements).reshape(-1)[:turns]


def _lowest_taps(window: Window, axis: int, outputs: int, inputs: int) -> _Steps:
    """Per output row (or column), the lowest input row (or column) under its window."""
    starts = np.arange(outputs, dtype=np.int64) * window.stride[axis] - window.padding[axis]
    taps = starts[:, np.newaxis] + np.arange(window.kernel[axis]) * window.dilation[axis]
    inside = (taps >= 0) & (taps < inputs)
    lowest: _Steps = np.where(inside, taps, _NOTHING).min(axis=1)
    return lowest
