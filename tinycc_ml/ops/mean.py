"""Mean over dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs


@dataclass(frozen=True, slots=True)
class MeanAttrs(OpAttrs):
    """The dimensions to reduce: not negative, ascending, without duplicates."""

    axes: tuple[int, ...]
    keep_dims: bool = False
