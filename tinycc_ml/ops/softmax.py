"""Softmax along the last axis."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs


@dataclass(frozen=True, slots=True)
class SoftmaxAttrs(OpAttrs):
    """``softmax(beta * x)``."""

    beta: float = 1.0
