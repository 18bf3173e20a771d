"""The sizes of a convolution in integers by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tinycc_ml.kernels.shape import KernelShape, sizes_of
from tinycc_ml.ops import Workload
from tinycc_ml.ops.convolution import ConvNumbers


@dataclass(frozen=True, slots=True)
class ConvShape(KernelShape):
    """Sizes and numbers."""

    numbers: ConvNumbers
    shares_scale: bool

    @classmethod
    def of(cls, workload: Workload) -> ConvShape:
        """The shape of a conv2d or depthwise_conv2d workload."""
        numbers = cast(ConvNumbers, workload.numbers)
        return cls(*sizes_of(workload), numbers, workload.operand("multiplier").elements == 1)
