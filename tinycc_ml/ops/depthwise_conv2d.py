"""Depthwise two-dimensional convolution."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.window import Padding


@dataclass(frozen=True, slots=True)
class DepthwiseConv2DAttrs(OpAttrs):
    """Stride and dilation are (vertical, horizontal)."""

    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE
