"""What the pooling operators share."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.activation import Activation
from tinycc_ml.ops.window import Padding


@dataclass(frozen=True, slots=True)
class Pool2DAttrs(OpAttrs):
    """Kernel and stride are (vertical, horizontal); padding is absent, not zero."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: Padding = Padding()
    activation: Activation = Activation.NONE
