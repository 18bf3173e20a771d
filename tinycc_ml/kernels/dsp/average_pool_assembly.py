"""Average pooling of one output pixel as an intrinsic: its meaning and its assembly.

SXTB16 and SADD16 add up four channels in two registers: five instructions for four elements. Sums
fit int16 up to 256 elements. The mean is a multiplication: with ``m = floor(2^32 / n) + 1`` the
high word of ``a * m`` is ``floor(a / n)`` for ``0 <= a < 2^16``, and one less than the truncated
quotient for ``a < 0``, as ``0 < m * n - 2^32 <= n``; m fits a signed word for ``n >= 3``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    Accumulate,
    Binary,
    Buffer,
    Expr,
    Intrinsic,
    Literal,
    Local,
    LoopKernel,
    Role,
    Var,
    affine,
)
from tinycc_ml.loopir import build as b

CHANNELS = 4
#: Pixels that stand in a row without a loop.
_UNROLL = 8
_OFFSET_LIMIT = 4095


@dataclass(frozen=True, slots=True)
class PoolTile:
    """What is averaged.

    Attributes:
        channels: Channels of a pixel, a multiple of 4.
        runs: Pieces of the window: its rows, or 1 where they stand one behind the other.
        pixels: Pixels of a run.
        run_step: Elements between two runs.
    """

    channels: int
    runs: int
    pixels: int
    run_step: int

    @property
    def name(self) -> str:
        """Distinct for distinct tiles."""
        name = f"average_pool_s8__dsp_{self.runs}x{self.pixels}_c{self.channels}"
        return f"{name}_r{self.run_step}" if self.runs > 1 else name

    @property
    def count(self) -> int:
        """Pixels of the window."""
        return self.runs * self.pixels

    @property
    def input_elements(self) -> int:
        """From the first element of the window to the last one, inclusive."""
        return (self.runs - 1) * self.run_step + self.pixels * self.channels


def pool_problem(tile: PoolTile) -> str | None:
    """Why a tile cannot be computed, or ``None``."""
    if tile.channels % CHANNELS:
        return f"{tile.channels} channels; allowed are multiples of {CHANNELS}"
    if not 3 <= tile.count <= 256:
        return f"a window of {tile.count} pixels; allowed 3 ... 256"
    if tile.channels > _OFFSET_LIMIT // _UNROLL:
        return f"{tile.channels} channels; allowed up to {_OFFSET_LIMIT // _UNROLL}"
    return None


def pool_intrinsic(tile: PoolTile) -> Intrinsic:
    """The pooling as an intrinsic with the parameters input and output."""
    comment = (
        f"Averages {tile.count} pixels of {tile.channels} channels.",
        "r0: input; r1: output; r2: pixels; r3, r4: sums of four channels; r5-r8: pixels, means.",
        "r9: 2^32 / pixels; r10: half of them; r11: end of the channels; r12, lr: ends of loops.",
    )
    return Intrinsic(tile.name, _meaning(tile), "dsp", tuple(_text(tile)), comment)


def _meaning(tile: PoolTile) -> LoopKernel:
    x = Buffer("input", DType.INT8, (tile.input_elements,), Role.INPUT)
    y = Buffer("output", DType.INT8, (tile.channels,), Role.OUTPUT)
    at = affine("run") * tile.run_step + affine("pixel") * tile.channels + affine("c")
    half = tile.count // 2
    # The half with the sum's sign, or, where the sum is smaller, what makes no difference.
    nudge = Binary("min", Binary("max", Var("acc"), Literal(-half)), Literal(half))
    mean: Expr = b.div(b.add(Var("acc"), nudge), tile.count)
    body = b.nest(
        [("c", tile.channels)],
        Local("acc", DType.INT32, Literal(0)),
        *b.nest([("run", tile.runs), ("pixel", tile.pixels)], Accumulate("acc", b.load(x, at))),
        b.store(y, ("c",), mean),
    )
    return LoopKernel(tile.name, (x, y), body)


def _text(tile: PoolTile) -> Iterator[str]:
    reciprocal = (1 << 32) // tile.count + 1
    turns, rest = divmod(tile.pixels, _UNROLL)
    yield "  push {r4-r11, lr}"
    yield f"  movw r9, #{reciprocal & 0xFFFF}"
    yield f"  movt r9, #{reciprocal >> 16}"
    yield f"  mov r10, #{tile.count // 2}"
    yield f"  add r11, r1, #{tile.channels}"
    yield f"1:  @ {CHANNELS} channels"
    yield from ("  mov r2, r0", "  mov r3, #0", "  mov r4, #0")
    if tile.runs > 1:
        yield f"  mov lr, #{tile.runs}"
        yield "2:  @ a run of the window"
    if turns > 1:
        yield f"  mov r12, #{turns}"
        yield f"3:  @ {_UNROLL} pixels"
    if turns:
        yield from _pixels(tile, _UNROLL)
    if turns > 1:
        yield from ("  subs r12, r12, #1", "  bne 3b")
    yield from _pixels(tile, rest)
    if tile.runs > 1:
        yield from _advance(tile.run_step - tile.pixels * tile.channels)
        yield from ("  subs lr, lr, #1", "  bne 2b")
    yield from _means()
    yield f"  add r0, r0, #{CHANNELS}"
    yield from ("  cmp r1, r11", "  bne 1b", "  pop {r4-r11, pc}")


def _pixels(tile: PoolTile, count: int) -> Iterator[str]:
    """Adds pixels, two at a time; r2 moves on."""
    for first in range(0, count, 2):
        words = ("r5", "r7")[: count - first]
        for i, word in enumerate(words):
            yield f"  ldr {word}, [r2, #{(first + i) * tile.channels}]"
        for word, even in zip(words, ("r6", "r8"), strict=False):
            yield f"  sxtb16 {even}, {word}"
            yield f"  sxtb16 {word}, {word}, ror #8"
            yield f"  sadd16 r3, r3, {even}"
            yield f"  sadd16 r4, r4, {word}"
    yield from _advance(count * tile.channels)


def _advance(distance: int) -> Iterator[str]:
    if distance > _OFFSET_LIMIT:
        yield f"  movw r5, #{distance & 0xFFFF}"
        if distance >> 16:
            yield f"  movt r5, #{distance >> 16}"
        yield "  add r2, r2, r5"
    elif distance:
        yield f"  add r2, r2, #{distance}"


def _means() -> Iterator[str]:
    """Sums to rounded quotients: half the count with the sum's sign, then a truncating division."""
    yield from ("  sxth r5, r3", "  sxth r6, r4", "  asr r7, r3, #16", "  asr r8, r4, #16")
    for a in ("r5", "r6", "r7", "r8"):
        yield f"  eor r2, r10, {a}, asr #31"
        yield f"  sub r2, r2, {a}, asr #31"
        yield f"  add {a}, {a}, r2"
        yield f"  smmul r2, {a}, r9"
        yield f"  add {a}, r2, {a}, lsr #31"
        yield f"  strb {a}, [r1], #1"
