"""The scratch of CMSIS-NN's functions, in bytes: what its ``..._get_buffer_size`` return.

They are C functions of the library, which a generator cannot call. Where the result depends on the
compiler, the largest counts. Tests compare them with the functions.

Source: CMSIS-NN 7.0.0, ``arm_convolve_get_buffer_sizes_s8.c``,
``arm_depthwise_conv_get_buffer_sizes_s8.c``, ``arm_avgpool_get_buffer_sizes_s8.c``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.kernels.cmsis_nn.base import Isa

#: Channels that the vector form of depthwise layers takes at a time.
_MVE_BLOCK = 124
_INT16_BYTES, _INT32_BYTES = 2, 4


@dataclass(frozen=True, slots=True)
class ConvSizes:
    """The sizes of a convolution; pairs are (vertical, horizontal), padding is above and left."""

    in_size: tuple[int, int]
    in_channels: int
    out_size: tuple[int, int]
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]

    @property
    def is_1x1(self) -> bool:
        """Whether the library takes it for a 1x1 convolution."""
        return self.kernel == self.dilation == (1, 1) and self.padding == (0, 0)

    @property
    def is_1xn(self) -> bool:
        """Whether the library takes it for a convolution along a line."""
        flat = self.in_size[0] == self.kernel[0] == 1 and self.dilation == (1, 1)
        return flat and self.stride[1] * self.in_channels % 4 == 0


def conv_bytes(s: ConvSizes, isa: Isa) -> int:
    """``arm_convolve_wrapper_s8_get_buffer_size``."""
    if s.is_1x1:
        # Only with one compiler.
        fast = s.stride == (1, 1) and isa == "dsp"
        return 2 * s.in_channels * _INT16_BYTES if fast else 0
    if isa == "mve" and s.is_1xn:
        return _line_bytes(s)
    return _column_bytes(s, isa)


def depthwise_bytes(s: ConvSizes, isa: Isa) -> int:
    """``arm_depthwise_conv_wrapper_s8_get_buffer_size``."""
    height, width = s.kernel
    size = 0
    if s.in_channels == s.out_channels and s.dilation == (1, 1):
        small = s.kernel == (3, 3) and max(s.padding) <= 1
        if isa == "mve":
            size = 4 * _MVE_BLOCK * height * width
        elif isa == "dsp" and not small:
            size = s.in_channels * height * width * _INT16_BYTES
    if isa == "mve" and s.in_channels == 1 and s.out_channels > 1:
        # Computed as a convolution, with the weights transposed.
        size = max(size, conv_bytes(s, isa) + s.out_channels * height * width)
    return size


def average_pool_bytes(channels: int, isa: Isa) -> int:
    """``arm_avgpool_s8_get_buffer_size``."""
    return channels * _INT32_BYTES if isa == "dsp" else 0


def _column_bytes(s: ConvSizes, isa: Isa) -> int:
    length = s.kernel[0] * s.kernel[1] * s.in_channels
    if isa == "mve":
        return 4 * (length + -length % 16)
    return 2 * (length + -length % 4) * _INT16_BYTES


def _line_bytes(s: ConvSizes) -> int:
    kernel, stride, padding = s.kernel[1], s.stride[1], s.padding[1]
    total = (s.out_size[1] - 1) * stride + kernel - s.in_size[1]
    odd = _c_remainder(total, 2)
    right = max(1, (padding + odd + stride - 1) // stride) if padding + odd != 0 else 0
    left = max(1, (padding + stride - 1) // stride) if padding else 0
    if right + left + max(s.out_size[1] - right - left, 0) != s.out_size[1]:
        return _column_bytes(s, "mve")
    before = padding * s.in_channels
    behind = right * s.in_channels if odd else before
    column = kernel * s.in_channels
    return max(column + before, column - s.in_channels + behind)


def _c_remainder(value: int, by: int) -> int:
    """With the sign of the dividend, as C has it."""
    return value % by if value >= 0 else -(-value % by)
