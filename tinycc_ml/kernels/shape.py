"""The sizes of a layer with a kernel, by name; whatever numbers it computes with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tinycc_ml.loopir import Affine, affine
from tinycc_ml.ops import Access, Window, Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.depthwise_conv2d import DepthwiseConv2DAttrs

_Pair = tuple[int, int]


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

    @property
    def is_pointwise(self) -> bool:
        """Whether output pixel i reads input pixel i and nothing else."""
        return self.kernel == self.stride == (1, 1) and self.in_size == self.out_size

    @property
    def is_inside(self) -> bool:
        """Whether all taps of all outputs lie in the input."""
        return self.padding == (0, 0) and all(
            (self.out_size[axis] - 1) * self.stride[axis] + self.span(axis) <= self.in_size[axis]
            for axis in range(2)
        )

    @property
    def padded_columns(self) -> int:
        """Columns of the input, and of the padding around it, that the taps reach."""
        return (self.out_size[1] - 1) * self.stride[1] + self.span(1)

    @property
    def input_columns(self) -> int:
        """Of these, those of the input; below 1 the rows are nothing but padding."""
        return min(self.in_size[1], self.padded_columns - self.padding[1])

    def span(self, axis: int) -> int:
        """Rows (axis 0) or columns (axis 1) from the first to the last tap, inclusive."""
        return (self.kernel[axis] - 1) * self.dilation[axis] + 1

    def tap(self, axis: int, out: str, tap: str) -> Affine:
        """Input row (axis 0) or column (axis 1) under a tap of the kernel."""
        stride, dilation, padding = self.stride[axis], self.dilation[axis], self.padding[axis]
        return affine(out) * stride + affine(tap) * dilation - padding

    def access_by_rows(self, *, reads_first: bool) -> Access:
        """The access order of rows of the output, each of which reads all rows under it."""
        window = Window(
            (*self.in_size, self.in_channels),
            1,
            (self.kernel[0], self.in_size[1]),
            (self.stride[0], 1),
            (self.dilation[0], 1),
            (self.padding[0], 0),
        )
        row = self.out_size[1] * self.out_channels
        return Access(row, (("input", window),), reads_first=reads_first)


def sizes_of(workload: Workload) -> tuple[_Pair, int, _Pair, int, _Pair, _Pair, _Pair, _Pair]:
    """The fields of the :class:`KernelShape` of a conv2d or depthwise_conv2d workload."""
    a = cast(Conv2DAttrs | DepthwiseConv2DAttrs, workload.attrs)
    _, in_h, in_w, in_c = workload.operand("input").shape
    _, kernel_h, kernel_w, _ = workload.operand("weight").shape
    _, out_h, out_w, out_c = workload.operand("output").shape
    return (
        (in_h, in_w),
        in_c,
        (out_h, out_w),
        out_c,
        (kernel_h, kernel_w),
        a.stride,
        a.dilation,
        (a.padding.top, a.padding.left),
    )
