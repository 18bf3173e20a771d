"""Pooling of one output pixel as a naked function: the loops that all kinds of pooling share.

A vector holds neighbouring channels; of the last ones those that exist are computed under a mask,
so that nothing else is read or written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from tinycc_ml.kernels.pool_tile import PoolTile
from tinycc_ml.loopir import Intrinsic, LoopKernel

#: Pixels that stand in a row without a loop.
_UNROLL = 8
_VECTOR_OFFSET, _ADD_LIMIT = 127, 4095
REGISTERS = "r0: input; r1: output; r2: pixels; r3, r4: count pixels and runs"


class PoolCode(ABC):
    """A kind of pooling: what happens to each pixel, and at the end."""

    #: Channels of a vector, and their bits in it.
    channels: ClassVar[int]
    bits: ClassVar[int]
    #: Loads signed elements into so many bits.
    load: ClassVar[str]
    #: Stores them.
    store: ClassVar[str]
    #: The register that is stored.
    result: ClassVar[str]
    #: Where pixels are loaded to, in turn.
    loaded: ClassVar[tuple[str, ...]]

    def __init__(self, tile: PoolTile) -> None:
        self.tile = tile

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the intrinsic, distinct for distinct code."""

    @property
    @abstractmethod
    def comment(self) -> tuple[str, ...]:
        """What it computes, as a sentence, and what the registers hold."""

    @abstractmethod
    def problem(self) -> str | None:
        """Why the tile cannot be computed, or ``None``."""

    @abstractmethod
    def meaning(self) -> LoopKernel:
        """The same as a loop nest."""

    @abstractmethod
    def prepare(self) -> Iterator[str]:
        """Loads the constants; r5 and r6 are free."""

    @abstractmethod
    def start(self) -> str:
        """Starts the results of a vector of channels."""

    @abstractmethod
    def take(self, pixel: str) -> str:
        """Takes a pixel."""

    @abstractmethod
    def finish(self) -> Iterator[str]:
        """Leaves the outputs in :attr:`result`."""

    def intrinsic(self) -> Intrinsic:
        """With the parameters input and output."""
        return Intrinsic(self.name, self.meaning(), "mve", tuple(self._text()), self.comment)

    def _text(self) -> Iterator[str]:
        groups, rest = divmod(self.tile.channels, self.channels)
        yield "  push {r4-r6, lr}"
        yield from self.prepare()
        if groups > 1:
            yield f"  movw r5, #{groups}"
            yield "  dls lr, r5"
            yield f"1:  @ {self.channels} channels"
        if groups:
            yield from self._group(masked=False)
        if groups > 1:
            yield "  le lr, 1b"
        if rest:
            yield "  @ the last channels"
            yield f"  mov r5, #{rest}"
            yield f"  vctp.{self.bits} r5"
            yield from self._group(masked=True)
        yield "  pop {r4-r6, pc}"

    def _group(self, *, masked: bool) -> Iterator[str]:
        tile = self.tile
        turns, rest = divmod(tile.pixels, _UNROLL)
        yield from ("  mov r2, r0", self.start())
        if tile.runs > 1:
            yield f"  {_move(tile.runs)} r4, #{tile.runs}"
            yield "2:  @ a run of the window"
        if turns > 1:
            yield f"  {_move(turns)} r3, #{turns}"
            yield f"3:  @ {_UNROLL} pixels"
        if turns:
            yield from self._pixels(_UNROLL, masked=masked)
        if turns > 1:
            yield from ("  subs r3, #1", "  bne 3b")
        yield from self._pixels(rest, masked=masked)
        if tile.runs > 1:
            yield from _advance(tile.run_step - tile.pixels * tile.channels)
            yield from ("  subs r4, #1", "  bne 2b")
        yield from self.finish()
        if masked:
            yield from ("  vpst", f"  {_masked(self.store)} {self.result}, [r1]")
        else:
            yield f"  {self.store} {self.result}, [r1], #{self.channels}"
            yield f"  add r0, r0, #{self.channels}"

    def _pixels(self, count: int, *, masked: bool) -> Iterator[str]:
        """Takes pixels; r2 moves on."""
        distance = self.tile.channels
        near = distance <= _VECTOR_OFFSET
        for number in range(count):
            register = self.loaded[number % len(self.loaded)]
            if masked:
                yield "  vpst"
            load = _masked(self.load) if masked else self.load
            yield f"  {load} {register}, [r2]" + (f", #{distance}" if near else "")
            if not near:
                yield from _advance(distance)
            yield self.take(register)


def limits_name(tile: PoolTile) -> str:
    """The clamp as a part of a name; empty if there is none."""
    return f"_low{tile.low}_high{tile.high}".replace("-", "m") if tile.is_clamped else ""


def _masked(instruction: str) -> str:
    """The same only for lanes that the mask holds."""
    return instruction.replace(".", "t.")


def _move(value: int) -> str:
    return "mov" if value < 256 else "movw"


def _advance(distance: int) -> Iterator[str]:
    """``r2 += distance``, not negative."""
    while distance:
        part = min(distance, _ADD_LIMIT)
        yield f"  addw r2, r2, #{part}"
        distance -= part
