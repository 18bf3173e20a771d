"""Safe distances against brute force over all turns, bytes and offsets."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.test_access import reads as window_reads
from tests.ops.test_access import windows
from tinycc_ml.memplan import OrderedRead, Placement, WriteOrder, safe_distance_bytes
from tinycc_ml.memplan.check_order import first_lost_byte
from tinycc_ml.ops import Elementwise, Whole, Window

NEVER = -(1 << 62)
BASE = 5_000


def bytes_read(read: OrderedRead, order: WriteOrder, turn: int) -> set[int]:
    """From the definition of the pattern."""
    pattern, size = read.pattern, read.element_bytes
    if isinstance(pattern, Elementwise):
        elements = range(turn * pattern.step_elements, (turn + 1) * pattern.step_elements)
    elif isinstance(pattern, Window):
        elements = window_reads(pattern, *divmod(turn, pattern.out_width))
    else:
        elements = range(4)
    return {element * size + byte for element in elements for byte in range(size)}


def is_safe(order: WriteOrder, read: OrderedRead, distance: int) -> bool:
    """Replays all turns with the input that far above the output."""
    overwritten: set[int] = set()
    for turn in range(order.turns):
        own = set(range(turn * order.turn_bytes, (turn + 1) * order.turn_bytes))
        needed = {distance + byte for byte in bytes_read(read, order, turn)}
        if needed & overwritten:
            return False
        # Within the turn, a byte must not be written before it is read.
        lanes = order.pixel_bytes
        conflicts = {b for b in needed & own if not lanes or b % lanes != (b - distance) % lanes}
        if conflicts and not order.reads_first:
            return False
        overwritten |= own
    return True


@st.composite
def orders(draw) -> tuple[WriteOrder, OrderedRead]:
    pattern = draw(windows | st.builds(Elementwise, st.integers(1, 4)) | st.just(Whole()))
    turns = draw(st.integers(1, 6))
    if isinstance(pattern, Window):
        turns *= pattern.out_width
    read = OrderedRead("x", pattern, draw(st.sampled_from([1, 2, 4])))
    turn_bytes, pixel_bytes = draw(st.integers(1, 9)), draw(st.sampled_from([0, 0, 1, 2, 3]))
    return WriteOrder(turns, turn_bytes, (read,), draw(st.booleans()), pixel_bytes), read


def input_bytes(order: WriteOrder, read: OrderedRead) -> int:
    pattern = read.pattern
    if isinstance(pattern, Window):
        return int(np.prod(pattern.in_shape)) * read.element_bytes
    if isinstance(pattern, Elementwise):
        return order.turns * pattern.step_elements * read.element_bytes
    return 4 * read.element_bytes


@given(orders())
@settings(max_examples=400, deadline=None)
def test_the_distance_is_safe_and_one_byte_less_is_not(case):
    order, read = case
    order = replace(order, pixel_bytes=0)
    distance = safe_distance_bytes(order, read)
    size = input_bytes(order, read)
    if isinstance(read.pattern, Whole):
        assert distance == order.turns * order.turn_bytes
        return
    # Far below, the buffers are disjoint, and that is always safe.
    least = max(distance, -size)
    assert all(is_safe(order, read, d) for d in range(least, least + 12))
    if distance > -size:
        assert not is_safe(order, read, distance - 1)


@given(orders(), st.integers(-40, 40))
@settings(max_examples=400, deadline=None)
def test_whole_pixels_apart_a_turn_reads_first(case, pixels):
    order, read = case
    if order.pixel_bytes and not isinstance(read.pattern, Whole):
        least = safe_distance_bytes(replace(order, reads_first=True), read)
        distance = pixels * order.pixel_bytes
        assert is_safe(order, read, distance) or distance < least


@given(orders(), st.integers(-40, 120))
@settings(max_examples=400, deadline=None)
def test_the_checker_agrees_with_brute_force_at_any_distance(case, distance):
    order, read = case
    size = order.turns * order.turn_bytes
    written = Placement("y", BASE, size, 0, 0)
    place = Placement("x", BASE + distance, input_bytes(order, read), 0, 0)
    lost = first_lost_byte(order, place, written)
    if isinstance(read.pattern, Whole):
        shared = place.offset_bytes < written.end_bytes and place.end_bytes > BASE
        assert (lost is not None) == shared
    else:
        assert (lost is None) == is_safe(order, read, distance)


def distance_of(turn_bytes: int, turns: int, pattern, size=1, reads_first=False) -> int:
    read = OrderedRead("x", pattern, size)
    return safe_distance_bytes(WriteOrder(turns, turn_bytes, (read,), reads_first), read)


def test_known_distances():
    pixel = Window((25, 5, 64), 5, (1, 1))
    around = Window((25, 5, 64), 5, (3, 3), padding=(1, 1))
    # In place where a turn reads first; one pixel apart where it does not.
    assert distance_of(1, 8000, Elementwise(1), reads_first=True) == 0
    assert distance_of(64, 125, pixel) == 64
    assert distance_of(64, 125, pixel, reads_first=True) == 0
    assert distance_of(64, 125, around) == 7 * 64
    assert distance_of(64, 125, around, reads_first=True) == 6 * 64
    # More channels: the last pixel counts. Fewer, or a stride: the first one.
    assert distance_of(100, 125, pixel) == 124 * 36 + 100
    assert distance_of(10, 125, pixel) == 10
    assert distance_of(8, 4, Window((4, 4, 8), 2, (1, 1), (2, 2)), reads_first=True) == -8
    # int8 to float32: the input is at the end of the output.
    assert distance_of(4, 10, Elementwise(1), reads_first=True) == 27
    assert distance_of(1, 10, Elementwise(1), size=4, reads_first=True) == -3
    # A single turn that reads first may lie anywhere; one that does not, must be apart.
    assert distance_of(10, 1, Elementwise(10), reads_first=True) == NEVER
    assert distance_of(10, 1, Elementwise(10)) == 10
    # Windows in the padding only.
    assert distance_of(1, 1, Window((1, 1, 1), 1, (1, 1), padding=(1, 1))) == NEVER


@pytest.mark.parametrize("reads_first", [False, True])
def test_a_million_turns_take_no_time(reads_first):
    window = Window((1000, 1000, 16), 1000, (3, 3), padding=(1, 1))
    start_s = time.process_time()
    assert distance_of(16, 10**6, window, reads_first=reads_first) == 16 * (1002 - reads_first)
    assert time.process_time() - start_s < 0.5
