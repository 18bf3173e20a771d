"""Which candidate each layer gets: the fastest set whose code and constants fit the flash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tinycc_ml.kernels.candidate import Candidate


def choose(layers: Sequence[Sequence[Candidate]], flash_limit: int | None) -> list[Candidate]:
    """One candidate for each layer.

    Starts with the fastest of each; of equally fast ones the first. While the whole does not fit,
    makes the one change that costs the fewest cycles for each byte that it frees; then, while one
    change makes it faster and still fits, the one that gains most. Not always the optimum, which
    is a knapsack problem, but no single change betters it.

    Args:
        layers: For each layer its candidates, at least one.
        flash_limit: Bytes for code and constants; ``None`` for no limit. Where even the smallest
            candidates exceed it, the result exceeds it.
    """
    plan = _Plan([min(candidates, key=lambda c: c.cycles) for candidates in layers])
    if flash_limit is None or plan.flash <= flash_limit:
        return plan.chosen
    while plan.flash > flash_limit:
        frees = [
            (slower / freed, i, c) for freed, slower, i, c in plan.changes(layers) if freed > 0
        ]
        if not frees:
            return plan.chosen
        plan.change(*min(frees, key=lambda change: change[0])[1:])
    while True:
        fits = [
            (slower, i, c)
            for freed, slower, i, c in plan.changes(layers)
            if slower < 0 and plan.flash - freed <= flash_limit
        ]
        if not fits:
            return plan.chosen
        plan.change(*min(fits, key=lambda change: change[0])[1:])


class _Plan:
    """Candidates chosen so far, and what they take of the flash; shared things count once."""

    def __init__(self, chosen: list[Candidate]) -> None:
        self.chosen = chosen
        self._users = Counter(key for candidate in chosen for key in candidate.flash)
        sizes = {key: size for candidate in chosen for key, size in candidate.flash.items()}
        self.flash = sum(sizes.values())

    def changes(
        self, layers: Sequence[Sequence[Candidate]]
    ) -> Iterator[tuple[int, int, int, Candidate]]:
        """Every single change: bytes freed, cycles added, the layer's index, its new candidate."""
        for index, (old, candidates) in enumerate(zip(self.chosen, layers, strict=True)):
            for new in candidates:
                if new is not old:
                    yield self._freed(old, new), new.cycles - old.cycles, index, new

    def change(self, index: int, new: Candidate) -> None:
        """Makes a change."""
        old = self.chosen[index]
        self.flash -= self._freed(old, new)
        self._users.subtract(dict.fromkeys(old.flash, 1))
        self._users.update(dict.fromkeys(new.flash, 1))
        self.chosen[index] = new

    def _freed(self, old: Candidate, new: Candidate) -> int:
        others = {key: self._users[key] - (key in old.flash) for key in (*old.flash, *new.flash)}
        gone = sum(size for key, size in old.flash.items() if not others[key])
        come = sum(size for key, size in new.flash.items() if not others[key])
        return gone - come
