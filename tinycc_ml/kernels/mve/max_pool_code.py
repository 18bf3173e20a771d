"""Max pooling of one output pixel: two instructions for 16 elements."""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.kernels.mve.pool_code import REGISTERS, PoolCode, limits_name
from tinycc_ml.kernels.pool_tile import pool_meaning
from tinycc_ml.loopir import Assign, Binary, Expr, Literal, LoopKernel, Stmt, Var

#: What a counter holds that one instruction loads; a window has fewer columns by far.
_MAX_RUNS = 0xFFFF


class MaxPoolCode(PoolCode):
    """``min(max(low, elements), high)``."""

    channels, bits = 16, 8
    load, store = "vldrb.8", "vstrb.8"
    result, loaded = "q0", ("q1", "q2")

    @property
    def name(self) -> str:
        """See the base class."""
        return f"max_pool_s8__mve_{self.tile.window_name}{limits_name(self.tile)}"

    @property
    def comment(self) -> tuple[str, ...]:
        """See the base class."""
        return (
            f"The maxima of {self.tile.count} pixels of {self.tile.channels} channels.",
            f"{REGISTERS}.",
            "lr: counts channels; q0: maxima; q1, q2: pixels.",
        )

    def problem(self) -> str | None:
        """See the base class."""
        if self.tile.runs > _MAX_RUNS:
            return f"a window of {self.tile.runs} rows; allowed 1 ... {_MAX_RUNS}"
        return None

    def meaning(self) -> LoopKernel:
        """See the base class."""
        tile = self.tile

        def larger(element: Expr) -> Stmt:
            return Assign("acc", Binary("max", Var("acc"), element))

        highest = Binary("min", Var("acc"), Literal(tile.high))
        return pool_meaning(self.name, tile, tile.low, larger, highest)

    def prepare(self) -> Iterator[str]:
        """See the base class."""
        return iter(())

    def start(self) -> str:
        """See the base class."""
        return f"  vmov.i8 q0, #{self.tile.low & 0xFF}"

    def take(self, pixel: str) -> str:
        """See the base class."""
        return f"  vmax.s8 q0, q0, {pixel}"

    def finish(self) -> Iterator[str]:
        """See the base class."""
        if self.tile.high < 127:
            yield f"  vmov.i8 q1, #{self.tile.high & 0xFF}"
            yield "  vmin.s8 q0, q0, q1"
