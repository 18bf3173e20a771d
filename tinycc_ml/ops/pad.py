"""Padding with zero."""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.graph import OpAttrs


@dataclass(frozen=True, slots=True)
class PadAttrs(OpAttrs):
    """Elements added before and after each dimension; one pair per dimension, not negative."""

    before: tuple[int, ...]
    after: tuple[int, ...]
