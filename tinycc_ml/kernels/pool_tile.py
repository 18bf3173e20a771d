"""Pooling of one output pixel: which elements it reads, and what it means as a loop nest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import Affine, Buffer, Expr, Literal, Local, LoopKernel, Role, Stmt, affine
from tinycc_ml.loopir import build as b


@dataclass(frozen=True, slots=True)
class PoolTile:
    """What is pooled.

    Attributes:
        channels: Channels of a pixel.
        runs: Pieces of the window: its rows, or 1 where they stand one behind the other.
        pixels: Pixels of a run.
        run_step: Elements between two runs.
        low: Lowest output.
        high: Highest output.
    """

    channels: int
    runs: int
    pixels: int
    run_step: int
    low: int
    high: int

    @property
    def window_name(self) -> str:
        """Distinct for distinct windows; the clamp is not told."""
        name = f"{self.runs}x{self.pixels}_c{self.channels}"
        return f"{name}_r{self.run_step}" if self.runs > 1 else name

    @property
    def is_clamped(self) -> bool:
        """Whether the limits are narrower than int8."""
        return (self.low, self.high) != (DType.INT8.min, DType.INT8.max)

    @property
    def count(self) -> int:
        """Pixels of the window."""
        return self.runs * self.pixels

    @property
    def input_elements(self) -> int:
        """From the first element of the window to the last one, inclusive."""
        return (self.runs - 1) * self.run_step + self.pixels * self.channels


def pool_meaning(
    name: str, tile: PoolTile, initial: int, take: Callable[[Expr], Stmt], finish: Expr
) -> LoopKernel:
    """The loop nest with the parameters input and output.

    Args:
        name: The kernel's.
        tile: What is pooled.
        initial: What the variable ``acc`` starts at, for each channel.
        take: Takes an element into ``acc``.
        finish: The output made of ``acc``.
    """
    x = Buffer("input", DType.INT8, (tile.input_elements,), Role.INPUT)
    y = Buffer("output", DType.INT8, (tile.channels,), Role.OUTPUT)
    at: Affine = affine("run") * tile.run_step + affine("pixel") * tile.channels + affine("c")
    body = b.nest(
        [("c", tile.channels)],
        Local("acc", DType.INT32, Literal(initial)),
        *b.nest([("run", tile.runs), ("pixel", tile.pixels)], take(b.load(x, at))),
        b.store(y, ("c",), finish),
    )
    return LoopKernel(name, (x, y), body)
