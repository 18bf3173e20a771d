"""Activations fused into an operator's output, as clamps."""

from __future__ import annotations

from enum import Enum

from tinycc_ml.graph import TensorType
from tinycc_ml.numerics import quantized_clamp


class Activation(Enum):
    """A fused activation; the value is what dumps print."""

    NONE = "none"
    RELU = "relu"
    RELU6 = "relu6"
    RELU_N1_TO_1 = "relu_n1_to_1"

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """Lowest and highest real output; ``None`` where there is no limit."""
        return {
            Activation.NONE: (None, None),
            Activation.RELU: (0.0, None),
            Activation.RELU6: (0.0, 6.0),
            Activation.RELU_N1_TO_1: (-1.0, 1.0),
        }[self]


def output_clamp(activation: Activation, output: TensorType) -> tuple[int, int]:
    """Lowest and highest integer that the output may hold.

    Source: TensorFlow Lite's ``CalculateActivationRangeQuantized``.
    """
    if output.quant is None:
        raise ValueError(f"{output} has no quantization")
    low, high = activation.bounds
    limits = (output.dtype.min, output.dtype.max)
    return quantized_clamp(low, high, output.quant.scale, output.quant.zero_point, limits)
