"""Fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.activation import Activation


@dataclass(frozen=True, slots=True)
class FullyConnectedAttrs(OpAttrs):
    """`keep_dims`: the output keeps the input's leading dimensions instead of one batch."""

    activation: Activation = Activation.NONE
    keep_dims: bool = False
