"""The promises of access order against the definition, element by element."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tinycc_ml.ops import Elementwise, Whole, Window, lowest_read

NOTHING = 1 << 62


def reads(window: Window, y: int, x: int) -> list[int]:
    """All elements of a window, taken from its definition."""
    height, width, channels = window.in_shape
    rows = [
        y * window.stride[0] - window.padding[0] + k * window.dilation[0]
        for k in range(window.kernel[0])
    ]
    columns = [
        x * window.stride[1] - window.padding[1] + k * window.dilation[1]
        for k in range(window.kernel[1])
    ]
    return [
        (row * width + column) * channels + channel
        for row in rows
        for column in columns
        for channel in range(channels)
        if 0 <= row < height and 0 <= column < width
    ]


pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
windows = st.builds(
    Window,
    in_shape=st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(1, 2)),
    out_width=st.integers(1, 6),
    kernel=pairs,
    stride=pairs,
    dilation=pairs,
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)


@given(windows, st.integers(1, 6))
def test_no_later_step_reads_below_the_lowest(window: Window, out_height: int) -> None:
    steps = out_height * window.out_width
    future = NOTHING
    for step in reversed(range(steps)):
        future = min([future, *reads(window, *divmod(step, window.out_width))])
        assert lowest_read(window, step, steps) <= future
    assert lowest_read(window, steps, steps) == NOTHING


@given(windows, st.integers(1, 6))
def test_the_lowest_never_sinks(window: Window, out_height: int) -> None:
    steps = out_height * window.out_width
    lowest = [lowest_read(window, step, steps) for step in range(steps + 1)]
    assert lowest == sorted(lowest)


@given(windows, st.integers(0, 6))
def test_rows_are_those_of_the_taps(window: Window, y: int) -> None:
    first, end = window.rows(y)
    height, width, channels = window.in_shape
    for column in range(width):
        # Any output column reads the same rows; the widest window reads them all.
        whole_row = Window(
            window.in_shape,
            1,
            (window.kernel[0], 1),
            window.stride,
            window.dilation,
            (window.padding[0], -column),
        )
        rows = {element // (width * channels) for element in reads(whole_row, y, 0)}
        assert all(first <= row < end for row in rows)
    assert first >= 0
    assert end <= height


def test_elementwise_and_whole() -> None:
    assert [lowest_read(Elementwise(3), step, 4) for step in range(5)] == [0, 3, 6, 9, NOTHING]
    assert [lowest_read(Whole(), step, 1) for step in range(2)] == [0, NOTHING]
