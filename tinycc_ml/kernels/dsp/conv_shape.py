"""The sizes of a convolution by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tinycc_ml.loopir import Affine, affine
from tinycc_ml.ops import Workload
from tinycc_ml.ops.conv2d import Conv2DAttrs
from tinycc_ml.ops.convolution import ConvNumbers


@dataclass(frozen=True, slots=True)
class ConvShape:
    """Pairs are (vertical, horizontal); `padding` is above and left."""

    in_size: tuple[int, int]
    in_channels: int
    out_size: tuple[int, int]
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int]
    numbers: ConvNumbers
    shares_scale: bool

    @classmethod
    def of(cls, workload: Workload) -> ConvShape:
        """The shape of a conv2d workload."""
        a = cast(Conv2DAttrs, workload.attrs)
        _, in_h, in_w, in_c = workload.operand("input").shape
        out_c, kernel_h, kernel_w, _ = workload.operand("weight").shape
        _, out_h, out_w, _ = workload.operand("output").shape
        return cls(
            (in_h, in_w),
            in_c,
            (out_h, out_w),
            out_c,
            (kernel_h, kernel_w),
            a.stride,
            a.dilation,
            (a.padding.top, a.padding.left),
            cast(ConvNumbers, workload.numbers),
            workload.operand("multiplier").elements == 1,
        )

    @property
    def is_pointwise(self) -> bool:
        """Whether output pixel i reads input pixel i and nothing else."""
        return self.kernel == self.stride == (1, 1) and self.in_size == self.out_size

    def tap(self, axis: int, out: str, tap: str) -> Affine:
        """Input row (axis 0) or column (axis 1) under a tap of the kernel."""
        stride, dilation, padding = self.stride[axis], self.dilation[axis], self.padding[axis]
        return affine(out) * stride + affine(tap) * dilation - padding
