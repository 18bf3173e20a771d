"""What convolutions and pooling share: sliding windows with explicit padding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array


@dataclass(frozen=True, slots=True)
class Padding:
    """Rows and columns around the input that count as zeros (for pooling: as absent)."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __str__(self) -> str:
        return f"{self.top}+{self.bottom}x{self.left}+{self.right}"

    @property
    def is_empty(self) -> bool:
        """Whether nothing is padded."""
        return self == Padding()


def same_padding(
    in_size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Padding:
    """TensorFlow's SAME: the output has ``ceil(input / stride)`` pixels, odd padding goes after."""
    (top, bottom), (left, right) = (
        _same(size, k, s, d)
        for size, k, s, d in zip(in_size, kernel, stride, dilation, strict=True)
    )
    return Padding(top, bottom, left, right)


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    out = -(-size // stride)
    total = max(0, (out - 1) * stride + (kernel - 1) * dilation + 1 - size)
    return total // 2, total - total // 2


def window_output(
    in_size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
) -> tuple[int, int]:
    """Height and width of the output of a sliding window.

    Raises:
        UnsupportedError: If a size is not positive, or no window fits into the padded input.
    """
    if min(padding.top, padding.bottom, padding.left, padding.right) < 0:
        raise UnsupportedError(f"padding {padding}: allowed are numbers that are not negative")
    pads = (padding.top + padding.bottom, padding.left + padding.right)
    result: list[int] = []
    for size, k, s, d, pad in zip(in_size, kernel, stride, dilation, pads, strict=True):
        if min(size, k, s, d) < 1:
            raise UnsupportedError(
                f"window {k} with stride {s} and dilation {d} over {size}: all must be positive"
            )
        span = (k - 1) * d + 1
        if span > size + pad:
            raise UnsupportedError(f"a window of {span} does not fit into {size} + {pad} padding")
        result.append((size + pad - span) // s + 1)
    return result[0], result[1]


def sliding_windows(
    x: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
    *,
    fill: float,
) -> Array:
    """All windows of an NHWC array, shaped (n, out_y, out_x, channel, kernel_y, kernel_x)."""
    p = padding
    around = ((0, 0), (p.top, p.bottom), (p.left, p.right), (0, 0))
    padded = np.pad(x, around, constant_values=fill)
    span = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    windows = sliding_window_view(padded, span, axis=(1, 2))
    return windows[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
