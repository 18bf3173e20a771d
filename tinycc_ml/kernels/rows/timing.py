"""When each layer of a group computes which of its rows, and how many rows of each tensor stay.

In a *turn* a layer computes a row, or several rows as a block: turn ``t`` the rows from
``t * block`` on. Layers of one *rate* share a loop; the loop of a higher rate lies inside that of a
lower one, as it runs several times in each of its turns. All turns of a loop are numbered through:
in tick ``u`` of its rate, a layer takes its turn ``u + shift`` where there is such a turn. It does
so at the end of the tick, when the loops inside are done, or at its start (*early*).

Rows of a block lie together in memory: a ring's height is a multiple of the blocks that are written
to it, and of those that are read from it as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm


@dataclass(frozen=True, slots=True)
class RowReads:
    """Turn ``t`` reads the input rows ``t*stride - padding ... + span - 1`` that exist.

    Attributes:
        stride: From turn to turn.
        padding: Rows above the input.
        span: How many rows.
        together: So many rows, from a multiple of that number on, have to lie one after another.
    """

    stride: int = 1
    padding: int = 0
    span: int = 1
    together: int = 1

    def of_block(self, rows: int) -> RowReads:
        """What a turn reads that computes a block of rows, for what it reads for one row."""
        return RowReads(self.stride * rows, self.padding, self.stride * (rows - 1) + self.span)


@dataclass(frozen=True, slots=True)
class RowLayer:
    """A layer as timing sees it.

    Attributes:
        name: Of the layer.
        reads: (value, rows of it) for each input.
        output: The value that it writes.
        turns: Blocks of rows that it computes; for a sum over all rows those that it adds.
        row_bytes: Size of a row of the output.
        block: Rows of the output that a turn computes.
    """

    name: str
    reads: tuple[tuple[str, RowReads], ...]
    output: str
    turns: int
    row_bytes: int
    block: int = 1


@dataclass(frozen=True, slots=True)
class Slot:
    """A layer's place in the timing: its rate, its shift, and whether it runs early."""

    rate: int
    shift: int
    early: bool


@dataclass(frozen=True, slots=True)
class Timing:
    """The timing of a group.

    Attributes:
        slots: Per layer, in order.
        rates: All rates, ascending; each divides the next. The first is 1.
        ticks: Turns of the outermost loop.
        ring_rows: Per value inside the group, the rows that are kept.
    """

    slots: tuple[Slot, ...]
    rates: tuple[int, ...]
    ticks: int
    ring_rows: Mapping[str, int]


def time_rows(layers: Sequence[RowLayer]) -> Timing | str:
    """The timing with the smallest rings found, or why the layers cannot run row by row.

    Args:
        layers: In execution order. Every value that is written here, but the last one, is read
            here and nowhere else.
    """
    rates = turn_rates(layers)
    if isinstance(rates, str):
        return rates
    fastest = max(rates.values())
    slow = [layer.name for layer in layers[:-1] if rates[layer.name] < fastest]
    best = _timing(layers, rates, frozenset())
    if not _may_gain(layers, rates):
        return best
    # Either few or most of the slow layers go first.
    for early in (frozenset[str](), frozenset(slow)):
        best = min(best, _changed(layers, rates, early, slow), key=lambda t: _ring_bytes(layers, t))
    return best


def _may_gain(layers: Sequence[RowLayer], rates: Mapping[str, int]) -> bool:
    """Whether some layer may have to go early for the smallest rings.

    Where branches meet, one of them may wait less if it goes first; and a reader in a loop inside
    sees the rows of the same turn.
    """
    producers = {layer.output: layer.name for layer in layers}
    return any(
        len(layer.reads) > 1
        or any(
            value in producers and rates[producers[value]] < rates[layer.name]
            for value, _ in layer.reads
        )
        for layer in layers
    )


def _changed(
    layers: Sequence[RowLayer],
    rates: Mapping[str, int],
    early: frozenset[str],
    slow: Sequence[str],
) -> Timing:
    """The timing after each slow layer was tried at the other place."""
    best = _timing(layers, rates, early)
    for name in slow:
        other = _timing(layers, rates, early ^ {name})
        if _ring_bytes(layers, other) < _ring_bytes(layers, best):
            early, best = early ^ {name}, other
    return best


def rows_in_order(layers: Sequence[RowLayer], timing: Timing) -> Iterator[tuple[int, int]]:
    """(index of the layer, its turn) in the order of execution."""

    def turn(level: int, tick: int) -> Iterator[tuple[int, int]]:
        yield from rows(level, tick, early=True)
        if level + 1 < len(timing.rates):
            factor = timing.rates[level + 1] // timing.rates[level]
            for inner in range(factor):
                yield from turn(level + 1, tick * factor + inner)
        yield from rows(level, tick, early=False)

    def rows(level: int, tick: int, *, early: bool) -> Iterator[tuple[int, int]]:
        for index, (layer, slot) in enumerate(zip(layers, timing.slots, strict=True)):
            row = tick + slot.shift
            if (slot.rate, slot.early) == (timing.rates[level], early) and 0 <= row < layer.turns:
                yield index, row

    for tick in range(timing.ticks):
        yield from turn(0, tick)


def turn_rates(layers: Sequence[RowLayer]) -> dict[str, int] | str:
    """Turns of each layer in a turn of the slowest one, or why they share no loops."""
    producers = {layer.output: layer for layer in layers}
    rates = {layers[-1].name: Fraction(1)}
    for layer in reversed(layers):
        if layer.name not in rates:
            return f"nothing in the group reads {layer.output}"
        for value, reads in layer.reads:
            producer = producers.get(value)
            if producer is not None:
                rate = rates[layer.name] * reads.stride / producer.block
                if rates.setdefault(producer.name, rate) != rate:
                    return f"{value} is read at different rates"
    slowest = min(rates.values())
    ascending = sorted({rate / slowest for rate in rates.values()})
    if any((high / low).denominator > 1 for low, high in pairwise(ascending)):
        return f"rates {', '.join(map(str, ascending))} do not divide each other"
    return {name: int(rate / slowest) for name, rate in rates.items()}


@dataclass(frozen=True, slots=True)
class _Link:
    """A layer that reads another one's output.

    Attributes:
        reader: The layer.
        reads: The rows.
        factor: Turns of the producer in one of the reader, or 1.
        slower: Turns of the reader in one of the producer, or 1.
        sees: Whether the reader sees the rows of turns that share a tick with its own.
    """

    reader: RowLayer
    reads: RowReads
    factor: int
    slower: int
    sees: bool

    def shift(self, shift: int, block: int) -> int:
        """The smallest shift of the producer, for the reader's."""
        last = (shift + self.slower - 1) * self.reads.stride - self.reads.padding + self.reads.span
        return -(-last // block) - (self.factor if self.sees else 0)

    def rows(self, shift: int, produced: int, block: int) -> int:
        """The rows that have to stay, for the shifts of the reader and the producer."""
        read = shift * self.reads.stride - self.reads.padding
        # What the reader, or the producer where it is slower, does in the same tick.
        tick = max(self.reads.stride, block) if self.sees else 0
        return produced * block - read + tick


def _timing(layers: Sequence[RowLayer], rates: Mapping[str, int], early: frozenset[str]) -> Timing:
    """The smallest shifts for given places, and the rings that follow."""
    links = {layer.name: tuple(_links(layers, rates, early, layer)) for layer in layers}
    shifts: dict[str, int] = {}
    for layer in reversed(layers):
        needed = [link.shift(shifts[link.reader.name], layer.block) for link in links[layer.name]]
        shifts[layer.name] = max(needed, default=0)
    # Every layer has to reach its first row: those that run ahead begin at a negative one.
    delay = max(-(-shifts[layer.name] // rates[layer.name]) for layer in layers)
    shifts = {name: shift - delay * rates[name] for name, shift in shifts.items()}
    rings: dict[str, int] = {}
    for layer in layers[:-1]:
        shift = shifts[layer.name]
        height = max(
            link.rows(shifts[link.reader.name], shift, layer.block) for link in links[layer.name]
        )
        together = lcm(layer.block, *(link.reads.together for link in links[layer.name]))
        rings[layer.output] = min(layer.turns * layer.block, -(-height // together) * together)
    slots = tuple(
        Slot(rates[layer.name], shifts[layer.name], layer.name in early) for layer in layers
    )
    last = layers[-1]
    ticks = -(-last.turns // rates[last.name]) + delay
    return Timing(slots, tuple(sorted(set(rates.values()))), ticks, rings)


def _links(
    layers: Sequence[RowLayer],
    rates: Mapping[str, int],
    early: frozenset[str],
    producer: RowLayer,
) -> Iterator[_Link]:
    """Who reads a layer's output."""
    for reader in layers:
        for value, reads in reader.reads:
            if value == producer.output:
                read, written = rates[reader.name], rates[producer.name]
                is_early = producer.name in early
                if written < read:
                    # The reader runs in a loop inside.
                    yield _Link(reader, reads, 1, read // written, is_early)
                else:
                    waits = reader.name in early and not (read == written and is_early)
                    yield _Link(reader, reads, written // read, 1, not waits)


def _ring_bytes(layers: Sequence[RowLayer], timing: Timing) -> int:
    return sum(
        timing.ring_rows[layer.output] * layer.row_bytes
        for layer in layers
        if layer.output in timing.ring_rows
    )
