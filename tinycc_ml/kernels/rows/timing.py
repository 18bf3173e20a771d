"""When each layer of a group computes which of its rows, and how many rows of each tensor stay.

Layers of one *rate* share a loop; the loop of a higher rate lies inside that of a lower one, as it
runs several times in each of its turns. All turns of a rate are numbered through: in tick ``u`` of
its rate, a layer computes row ``u + shift`` where that row exists. It does so at the end of the
turn, when the loops inside are done, or at its start (*early*).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class RowReads:
    """Output row ``y`` reads the input rows ``y*stride - padding ... + span - 1`` that exist."""

    stride: int = 1
    padding: int = 0
    span: int = 1


@dataclass(frozen=True, slots=True)
class RowLayer:
    """A layer as timing sees it.

    Attributes:
        name: Of the layer.
        reads: (value, rows of it) for each input.
        output: The value that it writes.
        turns: Rows that it computes; for a sum over all rows those that it adds.
        row_bytes: Size of a row of the output.
    """

    name: str
    reads: tuple[tuple[str, RowReads], ...]
    output: str
    turns: int
    row_bytes: int


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
    rates = _rates(layers)
    if isinstance(rates, str):
        return rates
    fastest = max(rates.values())
    early: frozenset[str] = frozenset()
    best = _timing(layers, rates, early)
    # Where branches meet, one of them may wait less if it goes first.
    joins = any(len(layer.reads) > 1 for layer in layers)
    for layer in layers[:-1] if joins else ():
        if rates[layer.name] < fastest:
            other = _timing(layers, rates, early | {layer.name})
            if _ring_bytes(layers, other) < _ring_bytes(layers, best):
                early, best = early | {layer.name}, other
    return best


def rows_in_order(layers: Sequence[RowLayer], timing: Timing) -> Iterator[tuple[int, int]]:
    """(index of the layer, row) in the order of execution."""

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


def _rates(layers: Sequence[RowLayer]) -> dict[str, int] | str:
    """Rows that each layer computes for one row of the last one."""
    producers = {layer.output: layer for layer in layers}
    rates = {layers[-1].name: 1}
    for layer in reversed(layers):
        if layer.name not in rates:
            return f"nothing in the group reads {layer.output}"
        for value, reads in layer.reads:
            producer = producers.get(value)
            rate = rates[layer.name] * reads.stride
            if producer is not None and rates.setdefault(producer.name, rate) != rate:
                return f"{value} is read at different rates"
    ascending = sorted(set(rates.values()))
    if any(high % low for low, high in pairwise(ascending)):
        return f"rates {ascending} do not divide each other"
    return rates


def _timing(layers: Sequence[RowLayer], rates: Mapping[str, int], early: frozenset[str]) -> Timing:
    """The smallest shifts for given places, and the rings that follow."""
    shifts: dict[str, int] = {}
    for layer in reversed(layers):
        needed = [
            # What the reader needs, less the rows that come before it anyway.
            shifts[reader.name] * reads.stride
            - reads.padding
            + reads.span
            - (0 if waits else reads.stride)
            for reader, reads, waits in _readers(layers, rates, early, layer)
        ]
        shifts[layer.name] = max(needed, default=0)
    # Every layer has to reach its first row: those that run ahead begin at a negative one.
    delay = max(-(-shifts[layer.name] // rates[layer.name]) for layer in layers)
    shifts = {name: shift - delay * rates[name] for name, shift in shifts.items()}
    rings = {
        layer.output: min(
            layer.turns,
            max(
                shifts[layer.name]
                - shifts[reader.name] * reads.stride
                + reads.padding
                + (0 if waits else reads.stride)
                for reader, reads, waits in _readers(layers, rates, early, layer)
            ),
        )
        for layer in layers[:-1]
    }
    slots = tuple(
        Slot(rates[layer.name], shifts[layer.name], layer.name in early) for layer in layers
    )
    return Timing(slots, tuple(sorted(set(rates.values()))), layers[-1].turns + delay, rings)


def _readers(
    layers: Sequence[RowLayer],
    rates: Mapping[str, int],
    early: frozenset[str],
    producer: RowLayer,
) -> Iterator[tuple[RowLayer, RowReads, bool]]:
    """Who reads a layer's output, and whether the reader sees only rows of earlier ticks."""
    for reader in layers:
        for value, reads in reader.reads:
            if value == producer.output:
                is_early = reader.name in early
                same_loop = rates[reader.name] == rates[producer.name]
                waits = is_early and not (same_loop and producer.name in early)
                yield reader, reads, waits


def _ring_bytes(layers: Sequence[RowLayer], timing: Timing) -> int:
    return sum(
        timing.ring_rows[layer.output] * layer.row_bytes
        for layer in layers
        if layer.output in timing.ring_rows
    )
