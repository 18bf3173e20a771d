"""The sizes of a float32 layer with a kernel, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from tinycc_ml.kernels.shape import KernelShape, sizes_of
from tinycc_ml.ops import Workload
from tinycc_ml.ops.floats import FloatNumbers


@dataclass(frozen=True, slots=True)
class FloatShape(KernelShape):
    """Sizes and the activation's limits."""

    numbers: FloatNumbers

    @classmethod
    def of(cls, workload: Workload) -> FloatShape:
        """The shape of a conv2d or depthwise_conv2d workload."""
        return cls(*sizes_of(workload), cast(FloatNumbers, workload.numbers))
