"""Concatenation."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs
from tinycc_ml.ops.activation import Activation


@dataclass(frozen=True, slots=True)
class ConcatenationAttrs(OpAttrs):
    """The axis counts from the end if negative."""

    axis: int = 0
    activation: Activation = Activation.NONE
