"""The sums of a layer with weights: zero point folded in, and their bounds over all inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinycc_ml.dtypes import DType
from tinycc_ml.graph import Array
from tinycc_ml.ops.convolution import ConvNumbers


@dataclass(frozen=True, slots=True)
class FoldedSums:
    """Accumulators of output channels; all arrays are int64.

    Attributes:
        weight: (channels, K).
        bias: (channels,): the input's zero point is folded in.
        low: (channels,): the lowest accumulator for any int8 input.
        high: (channels,): the highest one.
    """

    weight: Array
    bias: Array
    low: Array
    high: Array


def fold_zero_point(numbers: ConvNumbers, weight: Array, bias: Array) -> FoldedSums:
    """The sums of a layer.

    Args:
        numbers: The layer's literals.
        weight: int8, (channels, K).
        bias: int32, (channels,).
    """
    w = weight.astype(np.int64)
    folded = bias.astype(np.int64) - numbers.input_zero_point * w.sum(axis=1)
    positive, negative = np.maximum(w, 0).sum(axis=1), np.minimum(w, 0).sum(axis=1)
    lowest, highest = DType.INT8.min, DType.INT8.max
    return FoldedSums(
        w,
        folded,
        folded + lowest * positive + highest * negative,
        folded + highest * positive + lowest * negative,
    )


def corrects_sign(numbers: ConvNumbers) -> bool:
    """Whether negative sums need a correction by one for the second rounding: not with a ReLU."""
    return numbers.output_min < numbers.output_zero_point
