"""Replays one step turn by turn: is a byte of its input overwritten before it was read?

Part of the independent check: it uses no distances, only when each byte is written and when it is
read for the last time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tinycc_ml.errors import InternalError
from tinycc_ml.memplan.execution import WriteOrder
from tinycc_ml.memplan.plan import Placement
from tinycc_ml.ops import Elementwise, Pattern, Spans, Window

_Turns = npt.NDArray[np.int64]
_NEVER = -1


def first_lost_byte(order: WriteOrder, read: Placement, written: Placement) -> int | None:
    """The lowest byte of the arena that the output takes while the input still needs it.

    Args:
        order: The step's promise.
        read: The input's place.
        written: The output's place.

    Raises:
        InternalError: If the promise is about sizes other than those of the places.
    """
    if order.turns * order.turn_bytes != written.size_bytes:
        raise InternalError(
            f"memory check: {written.name}: {order.turns} turns of {order.turn_bytes} B write "
            f"other than its {written.size_bytes} B"
        )
    low = max(read.offset_bytes, written.offset_bytes)
    high = min(read.end_bytes, written.end_bytes)
    if low >= high:
        return None
    arena = np.arange(low, high)
    written_in = (arena - written.offset_bytes) // order.turn_bytes
    read_in = _last_turns(order, read)[arena - read.offset_bytes]
    lost = read_in > written_in
    if not order.reads_first:
        lost |= (read_in == written_in) & _may_interleave(order, arena, read, written)
    return int(arena[lost][0]) if lost.any() else None


def _may_interleave(
    order: WriteOrder, arena: _Turns, read: Placement, written: Placement
) -> npt.NDArray[np.bool_]:
    """Per byte of the arena: whether one turn may write it before it reads it."""
    if not order.pixel_bytes:
        return np.ones(arena.shape, np.bool_)
    channel_read = (arena - read.offset_bytes) % order.pixel_bytes
    channel_written = (arena - written.offset_bytes) % order.pixel_bytes
    differ: npt.NDArray[np.bool_] = channel_read != channel_written
    return differ


def _last_turns(order: WriteOrder, place: Placement) -> _Turns:
    """Per byte of an input, the last turn that reads it."""
    ordered = [read for read in order.reads if read.name == place.name]
    if not ordered:  # nothing is promised
        return np.full(place.size_bytes, order.turns)
    last = np.full(place.size_bytes, _NEVER)
    for read in ordered:
        elements, rest = divmod(place.size_bytes, read.element_bytes)
        turns = _last_turn_of_elements(read.pattern, elements, order.turns)
        if rest or len(turns) != elements:
            raise InternalError(
                f"memory check: {place.name} has {place.size_bytes} B, its order of reads "
                f"{len(turns)} elements of {read.element_bytes} B"
            )
        last = np.maximum(last, np.repeat(turns, read.element_bytes))
    return last


def _last_turn_of_elements(pattern: Pattern, elements: int, turns: int) -> _Turns:
    if isinstance(pattern, Window):
        return _stamp(pattern, turns)
    if isinstance(pattern, Elementwise):
        return np.arange(elements) // pattern.step_elements
    if isinstance(pattern, Spans):
        last = np.full(elements, _NEVER)
        for turn, (first, end) in enumerate(pattern.spans):
            last[first:end] = turn
        return last
    return np.full(elements, turns)


def _stamp(window: Window, turns: int) -> _Turns:
    """Lets every turn stamp its number on the pixels that it reads; the last stamp stays."""
    height, width, channels = window.in_shape
    last = np.full((height, width), _NEVER)
    across = np.arange(window.out_width)
    for y in range(-(-turns // window.out_width)):
        for kernel_y in range(window.kernel[0]):
            row = y * window.stride[0] - window.padding[0] + kernel_y * window.dilation[0]
            if not 0 <= row < height:
                continue
            for kernel_x in range(window.kernel[1]):
                tap = kernel_x * window.dilation[1] - window.padding[1]
                columns = across * window.stride[1] + tap
                inside = (columns >= 0) & (columns < width)
                stamps = y * window.out_width + across[inside]
                last[row, columns[inside]] = np.maximum(last[row, columns[inside]], stamps)
    return np.repeat(last.reshape(-1), channels)
