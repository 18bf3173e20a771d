"""Max pooling in words of four channels: SSUB8 compares them, SEL takes the larger ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycc_ml.kernels.dsp.pool_tile import PoolCode, acc, assign, load, tile_name
from tinycc_ml.loopir import Binary, Expr, Literal, Stmt


class MaxPoolCode(PoolCode):
    """``min(max(low, elements), high)``: three instructions for four elements."""

    @property
    def name(self) -> str:
        """See the base class."""
        return f"max_pool_s8__dsp_{tile_name(self.tile)}"

    @property
    def comment(self) -> str:
        """See the base class."""
        return f"The maxima of {self.tile.count} pixels of {self.tile.channels} channels."

    @property
    def initial(self) -> int:
        """See the base class."""
        return self.tile.low

    def take_meaning(self, element: Expr) -> Stmt:
        """See the base class."""
        return assign(Binary("max", acc(), element))

    def finish_meaning(self) -> Expr:
        """See the base class."""
        return Binary("min", acc(), Literal(self.tile.high))

    def prepare(self) -> Iterator[str]:
        """See the base class."""
        yield from load("r9", _four(self.tile.low))
        if self.tile.high < 127:
            yield from load("r10", _four(self.tile.high))

    def start(self) -> Iterator[str]:
        """See the base class."""
        yield "  mov r3, r9"

    def take(self, words: Sequence[str]) -> Iterator[str]:
        """See the base class."""
        for word in words:
            yield from (f"  ssub8 r6, {word}, r3", f"  sel r3, {word}, r3")

    def finish(self) -> Iterator[str]:
        """See the base class."""
        if self.tile.high < 127:
            yield from ("  ssub8 r6, r10, r3", "  sel r3, r3, r10")
        yield "  str r3, [r1], #4"


def _four(value: int) -> int:
    return (value & 0xFF) * 0x01010101
