"""A new shape over the same elements."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs


@dataclass(frozen=True, slots=True)
class ReshapeAttrs(OpAttrs):
    """The new shape; one extent may be -1 and is then inferred."""

    shape: tuple[int, ...] = ()
