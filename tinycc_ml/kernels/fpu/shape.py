"""The sizes of a float32 layer with a kernel, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tinycc_ml.loopir import Affine, affine
from tinycc_ml.ops import Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs
from tinycc_ml.ops.floats import FloatNumbers


@dataclass(frozen=True, slots=True)
class KernelShape:
    """Pairs are (vertical, horizontal); `padding` is above and left."""

    in_size: tuple[int, int]
    in_channels: int
    out_size: tuple[int, int]
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    numbers: FloatNumbers

    @classmethod
    def of(cls, workload: Workload) -> KernelShape:
        """The shape of a conv2d or depthwise_conv2d workload."""
        a = cast(Conv2DAttrs | DepthwiseConv2DAttrs, workload.attrs)
        _, in_h, in_w, in_c = workload.operand("input").shape
        _, kernel_h, kernel_w, _ = workload.operand("weight").shape
        _, out_h, out_w, out_c = workload.operand("output").shape
        return cls(
            (in_h, in_w),
            in_c,
            (out_h, out_w),
            out_c,
            (kernel_h, kernel_w),
            a.stride,
            a.dilation,
            (a.padding.top, a.padding.left),
            cast(FloatNumbers, workload.numbers),
        )

    def span(self, axis: int) -> int:
        """Rows (axis 0) or columns (axis 1) from the first to the last tap, inclusive."""
        return (self.kernel[axis] - 1) * self.dilation[axis] + 1

    @property
    def is_inside(self) -> bool:
        """Whether all taps of all outputs lie in the input."""
        return self.padding == (0, 0) and all(
            (self.out_size[axis] - 1) * self.stride[axis] + self.span(axis) <= self.in_size[axis]
            for axis in range(2)
        )

    def input_row(self, out: str, tap: str) -> Affine:
        """The input row under a tap of the kernel."""
        return affine(out) * self.stride[0] + affine(tap) * self.dilation[0] - self.padding[0]
