"""Average pooling of one output pixel.

Eight channels are added up in 16 bits, in which up to 256 elements fit: two instructions for each
eight. The mean is a multiplication: with ``m = floor(2^32 / n) + 1`` the high word of ``a * m`` is
``floor(a / n)`` for ``0 <= a < 2^16``, as ``0 < m * n - 2^32 <= n`` and ``a < 2^32 / n``. Sums are
divided without their signs, as TensorFlow Lite rounds halves away from zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinycc_ml.kernels.mve.pool_code import REGISTERS, PoolCode, limits_name
from tinycc_ml.kernels.pool_tile import pool_meaning
from tinycc_ml.loopir import Accumulate, LoopKernel, Var
from tinycc_ml.loopir import build as b
from tinycc_ml.ops.average_pool2d import rounded_mean

#: So that sums fit 16 bits.
_MAX_PIXELS = 256


class AveragePoolCode(PoolCode):
    """The rounded mean, halves away from zero, clamped."""

    channels, bits = 8, 16
    load, store = "vldrb.s16", "vstrb.16"
    result, loaded = "q1", ("q1", "q2")

    @property
    def name(self) -> str:
        """See the base class."""
        return f"average_pool_s8__mve_{self.tile.window_name}{limits_name(self.tile)}"

    @property
    def comment(self) -> tuple[str, ...]:
        """See the base class."""
        return (
            f"Averages {self.tile.count} pixels of {self.tile.channels} channels.",
            f"{REGISTERS}; r6: half the pixels.",
            "lr: counts channels; q0: sums, then signs; q1, q2: means; q3: 2^32 / pixels.",
        )

    def problem(self) -> str | None:
        """See the base class."""
        if self.tile.count > _MAX_PIXELS:
            return f"a window of {self.tile.count} pixels; allowed 1 ... {_MAX_PIXELS}"
        return None

    def meaning(self) -> LoopKernel:
        """See the base class."""
        tile, half = self.tile, self.tile.count // 2
        mean = rounded_mean(tile.count, half, -half) if tile.count > 1 else Var("acc")
        mean = b.clamp(mean, tile.low, tile.high)
        return pool_meaning(self.name, tile, 0, lambda x: Accumulate("acc", x), mean)

    def prepare(self) -> Iterator[str]:
        """See the base class."""
        if self.tile.count == 1:
            return
        reciprocal = (1 << 32) // self.tile.count + 1
        yield f"  movw r5, #{reciprocal & 0xFFFF}"
        yield f"  movt r5, #{reciprocal >> 16}"
        yield "  vdup.32 q3, r5"
        yield f"  mov r6, #{self.tile.count // 2}"

    def start(self) -> str:
        """See the base class."""
        return "  vmov.i32 q0, #0"

    def take(self, pixel: str) -> str:
        """See the base class."""
        return f"  vadd.i16 q0, q0, {pixel}"

    def finish(self) -> Iterator[str]:
        """See the base class."""
        tile = self.tile
        if tile.count == 1:
            yield "  vmov q1, q0"
        else:
            yield from _means()
        for operation, bound, limit in (("vmax", tile.low, -128), ("vmin", tile.high, 127)):
            if bound != limit:
                yield f"  mvn r5, #{~bound}" if bound < 0 else f"  mov r5, #{bound}"
                yield from ("  vdup.16 q0, r5", f"  {operation}.s16 q1, q1, q0")


def _means() -> Iterator[str]:
    yield from ("  vmovlb.s16 q1, q0", "  vmovlt.s16 q2, q0")
    for value in ("q1", "q2"):
        yield f"  vshr.s32 q0, {value}, #31"
        yield f"  vabs.s32 {value}, {value}"
        yield f"  vadd.i32 {value}, {value}, r6"
        yield f"  vmulh.u32 {value}, {value}, q3"
        yield f"  veor {value}, {value}, q0"
        yield f"  vsub.i32 {value}, {value}, q0"
    yield "  vmovnt.i32 q1, q2"
