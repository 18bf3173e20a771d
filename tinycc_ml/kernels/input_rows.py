"""Copies of the input rows under a row of the output."""

from __future__ import annotations

from collections.abc import Callable

from tinycc_ml.kernels.shape import KernelShape
from tinycc_ml.loopir import Affine, Condition, For, If, Stmt
from tinycc_ml.loopir import build as b


def load_rows(
    shape: KernelShape,
    load: Callable[[Affine], tuple[Stmt, ...]],
    blank: Callable[[str], tuple[Stmt, ...]],
) -> tuple[Stmt, ...]:
    """The loop over the rows ``ky`` under output row ``oy``.

    Args:
        shape: Of the layer.
        load: Copies the input row with that index.
        blank: Fills a row above or below the input; its variables get that name.
    """
    row, end = shape.tap(0, "oy", "ky"), shape.in_size[0]
    low, high = row.bounds({"oy": shape.out_size[0], "ky": shape.kernel[0]})
    if low >= 0 and high < end:
        return (For("ky", shape.kernel[0], load(row)),)
    body: tuple[Stmt, ...] = (If((b.inside(row, end),), load(row)),)
    if low < 0:
        body += (If((Condition(row, low, 0),), blank("above")),)
    if high >= end:
        body += (If((Condition(row, end, high + 1),), blank("below")),)
    return (For("ky", shape.kernel[0], body),)
