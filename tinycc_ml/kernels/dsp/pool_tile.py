"""Pooling of one output pixel as a naked function: the loops that all kinds of pooling share.

Four channels at a time: a word of each pixel. Of a number of channels that is no multiple of four,
the last four are computed together, some of them a second time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from tinycc_ml.kernels.pool_tile import PoolTile, pool_meaning
from tinycc_ml.loopir import Accumulate, Assign, Expr, Intrinsic, LoopKernel, Stmt, Var

CHANNELS = 4
#: Up to so many pixels stand in a row without a loop.
_UNROLL = 8
_OFFSET_LIMIT = 4095
REGISTERS = (
    "r0: input; r1: output; r2: pixels; r3, r4: results of four channels; r5-r8: pixels.",
    "r9, r10: constants; r11: end of the channels; r12, lr: loop counters.",
)


def tile_problem(tile: PoolTile) -> str | None:
    """Why no instructions reach all data of a tile, or ``None``."""
    if not CHANNELS <= tile.channels <= _OFFSET_LIMIT:
        return f"{tile.channels} channels; allowed {CHANNELS} ... {_OFFSET_LIMIT}"
    return None


def tile_name(tile: PoolTile) -> str:
    """Distinct for distinct tiles."""
    limits = f"_{tile.low}_{tile.high}".replace("-", "m") if tile.is_clamped else ""
    return tile.window_name + limits


class PoolCode(ABC):
    """A kind of pooling: what happens to each pixel, and at the end."""

    def __init__(self, tile: PoolTile) -> None:
        self.tile = tile

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the intrinsic, distinct for distinct code."""

    @property
    @abstractmethod
    def comment(self) -> str:
        """What it computes, as a sentence."""

    @property
    @abstractmethod
    def initial(self) -> int:
        """What the result of a channel starts at."""

    @abstractmethod
    def take_meaning(self, element: Expr) -> Stmt:
        """Takes an element into ``acc``."""

    @abstractmethod
    def finish_meaning(self) -> Expr:
        """The output made of ``acc``."""

    @abstractmethod
    def prepare(self) -> Iterator[str]:
        """Loads the constants."""

    @abstractmethod
    def start(self) -> Iterator[str]:
        """Starts the results of four channels."""

    @abstractmethod
    def take(self, words: Sequence[str]) -> Iterator[str]:
        """Takes one pixel in r5, or two in r5 and r7; r6 and r8 are free."""

    @abstractmethod
    def finish(self) -> Iterator[str]:
        """Stores four outputs at r1, which moves on; r2 and r5 to r8 are free."""

    def intrinsic(self) -> Intrinsic:
        """The pooling as an intrinsic with the parameters input and output."""
        comment = (self.comment, *REGISTERS)
        return Intrinsic(self.name, self.meaning(), "dsp", tuple(self._text()), comment)

    def meaning(self) -> LoopKernel:
        """What the intrinsic computes."""
        return pool_meaning(
            self.name, self.tile, self.initial, self.take_meaning, self.finish_meaning()
        )

    def _text(self) -> Iterator[str]:
        tile = self.tile
        unroll = min(_UNROLL, _OFFSET_LIMIT // tile.channels)
        turns, rest = divmod(tile.pixels, unroll)
        yield "  push {r4-r11, lr}"
        yield from self.prepare()
        yield f"  add r11, r1, #{tile.channels}"
        yield f"1:  @ {CHANNELS} channels"
        yield "  mov r2, r0"
        yield from self.start()
        if tile.runs > 1:
            yield from load("lr", tile.runs)
            yield "2:  @ a run of the window"
        if turns > 1:
            yield from load("r12", turns)
            yield f"3:  @ {unroll} pixels"
        if turns:
            yield from self._pixels(unroll)
        if turns > 1:
            yield from ("  subs r12, r12, #1", "  bne 3b")
        yield from self._pixels(rest)
        if tile.runs > 1:
            yield from _advance(tile.run_step - tile.pixels * tile.channels)
            yield from ("  subs lr, lr, #1", "  bne 2b")
        yield from self.finish()
        yield f"  add r0, r0, #{CHANNELS}"
        yield from ("  subs r2, r11, r1", "  beq 4f")
        if tile.channels % CHANNELS:
            yield "  @ the last channels, with some that are done"
            yield from (f"  rsbs r2, r2, #{CHANNELS}", "  itt gt")
            yield from ("  subgt r0, r0, r2", "  subgt r1, r1, r2")
        yield from ("  b 1b", "4:", "  pop {r4-r11, pc}")

    def _pixels(self, count: int) -> Iterator[str]:
        """Takes pixels, two at a time; r2 moves on."""
        for first in range(0, count, 2):
            words = ("r5", "r7")[: count - first]
            for i, word in enumerate(words):
                yield f"  ldr {word}, [r2, #{(first + i) * self.tile.channels}]"
            yield from self.take(words)
        yield from _advance(count * self.tile.channels)


def accumulate(element: Expr) -> Stmt:
    """``acc += element``."""
    return Accumulate("acc", element)


def assign(value: Expr) -> Stmt:
    """``acc = value``."""
    return Assign("acc", value)


def acc() -> Expr:
    """What has been gathered so far."""
    return Var("acc")


def load(register: str, value: int) -> Iterator[str]:
    """Puts a constant of 32 bits into a register."""
    word = value & 0xFFFFFFFF
    yield f"  movw {register}, #{word & 0xFFFF}"
    if word >> 16:
        yield f"  movt {register}, #{word >> 16}"


def _advance(distance: int) -> Iterator[str]:
    if distance > _OFFSET_LIMIT:
        yield from load("r5", distance)
        yield "  add r2, r2, r5"
    elif distance:
        yield f"  add r2, r2, #{distance}"
