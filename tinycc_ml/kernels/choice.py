"""Which candidate each layer gets: the fastest set whose code and constants fit the flash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tinycc_ml.kernels.candidate import Candidate

Offers = Sequence[Sequence[Candidate]]
#: Where small code is asked for, so many bytes are worth a percent of the cycles.
BYTES_PER_PERCENT = 768


def choose(layers: Offers, flash_limit: int | None, *, small: bool = False) -> list[Candidate]:
    """One candidate for each layer.

    Starts with the fastest of each; of equally fast ones the first. While the whole does not fit,
    makes the change that costs the fewest cycles for each byte that it frees; then, while a change
    makes it better and still fits, the one that gains most. A change is another candidate for one
    layer, or for several that then share something. Not always the optimum, which is a knapsack
    problem, but no single change betters it.

    Args:
        layers: For each layer its candidates, at least one.
        flash_limit: Bytes for code and constants; ``None`` for no limit. Where even the smallest
            candidates exceed it, the result exceeds it.
        small: Whether fewer bytes are better too: a percent of the cycles of the fastest
            candidates is as good as 768 bytes. Without it only cycles count.
    """
    plan = _Plan([min(candidates, key=lambda c: c.cycles) for candidates in layers])
    if not small and (flash_limit is None or plan.flash <= flash_limit):
        return plan.chosen
    price = sum(c.cycles for c in plan.chosen) / (100 * BYTES_PER_PERCENT) if small else 0.0
    while flash_limit is not None and plan.flash > flash_limit:
        frees = [change for change in plan.changes(layers) if change.freed > 0]
        if not frees:
            return plan.chosen
        plan.make(min(frees, key=lambda change: change.slower / change.freed))
    while True:
        better = [
            change
            for change in plan.changes(layers)
            if change.loss(price) < 0
            and (flash_limit is None or plan.flash - change.freed <= flash_limit)
        ]
        if not better:
            return plan.chosen
        plan.make(min(better, key=lambda change: change.loss(price)))


@dataclass(frozen=True, slots=True)
class _Change:
    """Other candidates for some layers.

    Attributes:
        freed: Bytes; negative if it takes more.
        slower: Cycles; negative if it is faster.
        moves: The layers' indices and their new candidates.
    """

    freed: int
    slower: int
    moves: tuple[tuple[int, Candidate], ...]

    def loss(self, price: float) -> float:
        """Cycles lost, less those that the freed bytes are worth."""
        return self.slower - price * self.freed


class _Plan:
    """Candidates chosen so far, and what they take of the flash; shared things count once."""

    def __init__(self, chosen: list[Candidate]) -> None:
        self.chosen = chosen
        self._users = Counter(key for candidate in chosen for key in candidate.flash)
        sizes = {key: size for candidate in chosen for key, size in candidate.flash.items()}
        self.flash = sum(sizes.values())

    def changes(self, layers: Offers) -> Iterator[_Change]:
        """Every change of one layer, and those of several that begin to share something."""
        for index, (old, candidates) in enumerate(zip(self.chosen, layers, strict=True)):
            for new in candidates:
                if new is not old:
                    freed = self._freed(self._users, old, new)
                    yield _Change(freed, new.cycles - old.cycles, ((index, new),))
        for key, moves in _sharing(layers).items():
            if not self._users[key]:
                yield from self._together(moves)

    def make(self, change: _Change) -> None:
        """Makes a change."""
        for index, new in change.moves:
            old = self.chosen[index]
            self.flash -= self._freed(self._users, old, new)
            self._move(self._users, old, new)
            self.chosen[index] = new

    def _together(self, moves: Mapping[int, Candidate]) -> Iterator[_Change]:
        """Changes of two layers, three, and so on, those first that lose least for each byte."""
        shared = Counter(key for new in moves.values() for key in new.flash)
        paid = self._users + Counter({key: 1 for key, count in shared.items() if count > 1})

        def price(index: int) -> float:
            old, new = self.chosen[index], moves[index]
            freed = self._freed(paid, old, new)
            return (new.cycles - old.cycles) / freed if freed > 0 else float("inf")

        users = self._users.copy()
        freed = slower = 0
        made: list[tuple[int, Candidate]] = []
        for index in sorted(moves, key=price):
            old, new = self.chosen[index], moves[index]
            freed += self._freed(users, old, new)
            slower += new.cycles - old.cycles
            self._move(users, old, new)
            made.append((index, new))
            if len(made) > 1:
                yield _Change(freed, slower, tuple(made))

    @staticmethod
    def _move(users: Counter[object], old: Candidate, new: Candidate) -> None:
        users.subtract(dict.fromkeys(old.flash, 1))
        users.update(dict.fromkeys(new.flash, 1))

    @staticmethod
    def _freed(users: Counter[object], old: Candidate, new: Candidate) -> int:
        others = {key: users[key] - (key in old.flash) for key in (*old.flash, *new.flash)}
        gone = sum(size for key, size in old.flash.items() if not others[key])
        come = sum(size for key, size in new.flash.items() if not others[key])
        return gone - come


def _sharing(layers: Offers) -> dict[object, dict[int, Candidate]]:
    """What candidates of several layers need, and for each of these layers the fastest one."""
    users: dict[object, dict[int, Candidate]] = {}
    for index, candidates in enumerate(layers):
        for candidate in sorted(candidates, key=lambda c: c.cycles, reverse=True):
            for key in candidate.flash:
                users.setdefault(key, {})[index] = candidate
    return {key: moves for key, moves in users.items() if len(moves) > 1}
