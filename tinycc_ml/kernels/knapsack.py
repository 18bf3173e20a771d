"""The best candidates under a limit: a knapsack of layers that share things.

The layers are taken one after the other. Of the partial choices that have paid for the same shared
things only those are kept that no other beats in both bytes and loss, and only while they can
become better than the best known choice. That is told by a lower bound: the limit becomes a price
of each byte (Lagrange's relaxation), and each layer that may use a shared thing pays an equal part
of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from tinycc_ml.kernels.candidate import Candidate

#: Partial choices kept after each layer: a few for a first choice to be bettered, then many. Where
#: there are more, the least promising ones are dropped, and a better choice may be missed.
WIDTHS = (32, 1024)
#: Halvings of the interval in which the price of a byte is looked for.
_HALVINGS = 40
_INFINITE = float("inf")


class _Item(NamedTuple):
    """A candidate: its bytes for itself, its shared things as bits, and its part of all."""

    candidate: Candidate
    own: int
    shared: int
    part: float

    def relaxed(self, price: float) -> float:
        """Cycles and the price of the part."""
        return self.candidate.cycles + price * self.part


class _State(NamedTuple):
    """Candidates for the first layers.

    Attributes:
        loss: Cycles and the price of all bytes.
        flash: Bytes.
        bound: Cycles and the relaxed price of the parts.
        paid: Shared things that later layers have for nothing, as bits.
        before: The state without the last layer.
        last: The last layer's candidate.
    """

    loss: float
    flash: int
    bound: float
    paid: int
    before: _State | None
    last: Candidate | None

    def chosen(self) -> list[Candidate]:
        """The candidates in the layers' order."""
        found: list[Candidate] = []
        state: _State | None = self
        while state is not None and state.last is not None:
            found.append(state.last)
            state = state.before
        return found[::-1]


class Knapsack:
    """Layers to choose for.

    Args:
        layers: For each layer its candidates, at least one.
    """

    def __init__(self, layers: Sequence[Sequence[Candidate]]) -> None:
        users = Counter(key for offered in layers for key in {k for c in offered for k in c.flash})
        shared = [key for key, count in users.items() if count > 1]
        bits = {key: 1 << number for number, key in enumerate(shared)}
        sizes = {k: n for offered in layers for c in offered for k, n in c.flash.items()}
        self._bit_sizes = [sizes[key] for key in shared]
        self._sizes: dict[int, int] = {}

        def item(candidate: Candidate) -> _Item:
            common = sum(bits.get(key, 0) for key in candidate.flash)
            own = sum(size for key, size in candidate.flash.items() if key not in bits)
            part = sum(size / users[key] for key, size in candidate.flash.items())
            return _Item(candidate, own, common, part)

        self._layers = [[item(c) for c in offered] for offered in layers]
        least = [min(i.own for i in items) for items in self._layers]
        self._least = _sums_behind(least)
        later = [0, *accumulate((_union(items) for items in self._layers[::-1]), int.__or__)]
        self._later = later[::-1]

    def search(self, flash_limit: int | None, price: float) -> list[Candidate] | None:
        """The candidates with the least loss that fit, or nearly; ``None`` if none are found.

        Args:
            flash_limit: Bytes; ``None`` for no limit.
            price: Cycles that a byte is worth; the loss is the cycles and the price of all bytes.
        """
        best: _State | None = None
        for width in WIDTHS:
            better = self._search(flash_limit, price, best.loss if best else _INFINITE, width)
            best = better or best
        return best.chosen() if best else None

    def _search(self, limit: int | None, price: float, known: float, width: int) -> _State | None:
        """A choice with a loss below the known one."""
        byte = 0.0 if limit is None else self._byte_price(limit, price)
        room = _INFINITE if limit is None else limit
        relaxed = price + byte
        rest = _sums_behind([min(i.relaxed(relaxed) for i in items) for items in self._layers])
        states = [_State(0.0, 0, -byte * (limit or 0), 0, None, None)]
        for index, items in enumerate(self._layers, 1):
            grown = self._grown(states, items, self._later[index], (price, relaxed))
            states = _unbeaten(
                state
                for state in grown
                if state.bound + rest[index] < known and state.flash + self._least[index] <= room
            )
            if len(states) > width:
                states = sorted(states, key=lambda state: state.bound)[:width]
        best = min(states, key=lambda state: state.loss, default=None)
        return best if best and best.loss < known else None

    def _grown(
        self,
        states: Sequence[_State],
        items: Sequence[_Item],
        later: int,
        prices: tuple[float, float],
    ) -> Iterator[_State]:
        """All states with one layer more."""
        price, relaxed = prices
        costs = [(item, item.relaxed(relaxed)) for item in items]
        for state in states:
            for item, cost in costs:
                bytes_ = item.own + self._size(item.shared & ~state.paid)
                yield _State(
                    state.loss + item.candidate.cycles + price * bytes_,
                    state.flash + bytes_,
                    state.bound + cost,
                    (state.paid | item.shared) & later,
                    state,
                    item.candidate,
                )

    def _size(self, shared: int) -> int:
        """Bytes of some shared things."""
        known = self._sizes.get(shared)
        if known is None:
            known = sum(n for bit, n in enumerate(self._bit_sizes) if shared >> bit & 1)
            self._sizes[shared] = known
        return known

    def _byte_price(self, limit: int, price: float) -> float:
        """By how much bytes must be dearer so that the least relaxed loss keeps to the limit."""

        def exceeds(byte: float) -> bool:
            best = (min(items, key=lambda i: i.relaxed(price + byte)) for items in self._layers)
            return sum(item.part for item in best) > limit

        if not exceeds(0.0):
            return 0.0
        low, high = 0.0, 1.0 + sum(max(i.candidate.cycles for i in items) for items in self._layers)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if exceeds(middle) else (low, middle)
        return high


def _unbeaten(states: Iterable[_State]) -> list[_State]:
    """Of those that have paid for the same, the ones that no other beats in bytes and loss."""
    groups: dict[int, list[_State]] = {}
    for state in states:
        groups.setdefault(state.paid, []).append(state)
    found: list[_State] = []
    for group in groups.values():
        loss = _INFINITE
        for state in sorted(group, key=lambda s: (s.flash, s.loss)):
            if state.loss < loss:
                loss = state.loss
                found.append(state)
    return found


def _union(items: Iterable[_Item]) -> int:
    """The shared things of all items."""
    bits = 0
    for item in items:
        bits |= item.shared
    return bits


def _sums_behind(values: Sequence[float]) -> list[float]:
    """For each index the sum of the values from there on, and a zero."""
    return [0, *accumulate(values[::-1])][::-1]
