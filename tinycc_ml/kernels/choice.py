"""Which candidate each layer gets: the fastest set whose code and constants fit the flash."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tinycc_ml.kernels.candidate import Candidate
from tinycc_ml.kernels.knapsack import Knapsack

#: Where small code is asked for, so many bytes are worth a percent of the cycles.
BYTES_PER_PERCENT = 768


def choose(
    layers: Sequence[Sequence[Candidate]], flash_limit: int | None, *, small: bool = False
) -> list[Candidate]:
    """One candidate for each layer: the fastest ones that fit together, or nearly those.

    The fastest of each where they fit, and then nothing else is built. Otherwise a search, which
    finds the optimum unless there are very many layers with much to share; see
    :class:`~tinycc_ml.kernels.knapsack.Knapsack`. Of equally fast ones the first.

    Args:
        layers: For each layer its candidates, at least one.
        flash_limit: Bytes for code and constants; ``None`` for no limit. Where even the smallest
            candidates exceed it, they are chosen, and the result exceeds it.
        small: Whether fewer bytes are better too: a percent of the cycles of the fastest
            candidates is as good as 768 bytes. Without it only cycles count.
    """
    fastest = [min(candidates, key=lambda c: c.cycles) for candidates in layers]
    if not small and (flash_limit is None or flash_bytes(fastest) <= flash_limit):
        return fastest
    price = sum(c.cycles for c in fastest) / (100 * BYTES_PER_PERCENT) if small else 0.0
    knapsack = Knapsack(layers)
    found = knapsack.search(flash_limit, price)
    if found is None:
        # A byte is worth more than all cycles: the smallest, and of these the fastest.
        slowest = sum(max(c.cycles for c in candidates) for candidates in layers)
        found = knapsack.search(None, 1.0 + slowest)
    assert found is not None  # without a limit there always is one
    return found


def flash_bytes(candidates: Iterable[Candidate]) -> int:
    """What candidates take of the flash together; shared things count once."""
    sizes = {key: size for candidate in candidates for key, size in candidate.flash.items()}
    return sum(sizes.values())
