"""Average pooling in words of four channels.

SXTB16 and SADD16 add up four channels in two registers: five instructions for four elements. Sums
fit int16 up to 256 elements. The mean is a multiplication: with ``m = floor(2^32 / n) + 1`` the
high word of ``a * m`` is ``floor(a / n)`` for ``0 <= a < 2^16``, and one less than the truncated
quotient for ``a < 0``, as ``0 < m * n - 2^32 <= n``; m fits a signed word for ``n >= 3``. The mean
of two is a shift.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinycc_ml.kernels.dsp.pool_tile import PoolCode, acc, accumulate, load, tile_name
from tinycc_ml.loopir import Expr, Stmt
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.average_pool2d import rounded_mean

#: So that sums fit int16.
MAX_PIXELS = 256


class AveragePoolCode(PoolCode):
    """The rounded mean, halves away from zero, clamped."""

    @property
    def name(self) -> str:
        """See the base class."""
        return f"average_pool_s8__dsp_{tile_name(self.tile)}"

    @property
    def comment(self) -> str:
        """See the base class."""
        return f"Averages {self.tile.count} pixels of {self.tile.channels} channels."

    @property
    def initial(self) -> int:
        """See the base class."""
        return 0

    def take_meaning(self, element: Expr) -> Stmt:
        """See the base class."""
        return accumulate(element)

    def finish_meaning(self) -> Expr:
        """See the base class."""
        tile, half = self.tile, self.tile.count // 2
        mean = rounded_mean(tile.count, half, -half) if tile.count > 1 else acc()
        return b.clamp(mean, tile.low, tile.high) if tile.is_clamped else mean

    def prepare(self) -> Iterator[str]:
        """See the base class."""
        if self.tile.count > 2:
            yield from load("r9", (1 << 32) // self.tile.count + 1)
        yield f"  mov r10, #{self.tile.count // 2}"

    def start(self) -> Iterator[str]:
        """See the base class."""
        yield from ("  mov r3, #0", "  mov r4, #0")

    def take(self, words: Sequence[str]) -> Iterator[str]:
        """See the base class."""
        for word, even in zip(words, ("r6", "r8"), strict=False):
            yield f"  sxtb16 {even}, {word}"
            yield f"  sxtb16 {word}, {word}, ror #8"
            yield f"  sadd16 r3, r3, {even}"
            yield f"  sadd16 r4, r4, {word}"

    def finish(self) -> Iterator[str]:
        """Half the count with the sum's sign is added, then a truncating division."""
        yield from ("  sxth r5, r3", "  sxth r6, r4", "  asr r7, r3, #16", "  asr r8, r4, #16")
        for a in ("r5", "r6", "r7", "r8"):
            yield from self._divide(a)
            if self.tile.is_clamped:
                for condition, limit in (("lt", self.tile.low), ("gt", self.tile.high)):
                    yield f"  cmp {a}, #{limit}"
                    yield from (f"  it {condition}", f"  mov{condition} {a}, #{limit}")
            yield f"  strb {a}, [r1], #1"

    def _divide(self, a: str) -> Iterator[str]:
        if self.tile.count == 1:
            return
        yield f"  eor r2, r10, {a}, asr #31"
        yield f"  sub r2, r2, {a}, asr #31"
        yield f"  add {a}, {a}, r2"
        if self.tile.count == 2:
            yield from (f"  add {a}, {a}, {a}, lsr #31", f"  asr {a}, {a}, #1")
        else:
            yield from (f"  smmul r2, {a}, r9", f"  add {a}, r2, {a}, lsr #31")
