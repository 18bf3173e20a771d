"""Elementwise multiplication with broadcasting."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.activation import Activation


@dataclass(frozen=True, slots=True)
class MulAttrs(OpAttrs):
    """The fused activation."""

    activation: Activation = Activation.NONE
