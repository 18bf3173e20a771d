"""Tensor types: shape, element type, quantization."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tinycc_ml.dtypes import DType


@dataclass(frozen=True, slots=True)
class QuantParams:
    """Affine quantization: ``real = scale * (q - zero_point)``.

    Attributes:
        scales: One scale, or one per index of ``axis``.
        zero_points: As many as scales.
        axis: The dimension that the scales run along; ``None`` when there is one for the tensor.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    def __str__(self) -> str:
        if self.axis is None:
            return f"q({self.scale:.6g}, {self.zero_point})"
        return f"q({len(self.scales)} scales on axis {self.axis})"

    @property
    def scale(self) -> float:
        """The scale of a per-tensor quantization."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a per-tensor quantization."""
        return self.zero_points[0]


@dataclass(frozen=True, slots=True)
class TensorType:
    """What a value is: static shape (activations NHWC, weights OHWI), dtype, quantization."""

    shape: tuple[int, ...]
    dtype: DType
    quant: QuantParams | None = None

    def __str__(self) -> str:
        dims = "x".join(map(str, self.shape)) or "scalar"
        quant = f" {self.quant}" if self.quant else ""
        return f"{self.dtype.value}[{dims}]{quant}"

    @property
    def elements(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def size_bytes(self) -> int:
        """Bytes of a dense tensor of this type."""
        return (self.elements * self.dtype.bits + 7) // 8
