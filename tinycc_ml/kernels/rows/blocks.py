"""How many rows each layer of a group computes in a turn.

More rows take fewer cycles and higher rings. Blocks also have to fit each other: the layers' turns
share loops, so that their numbers divide each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.kernels.rows.grouping import RowLayerChoice
from tinycc_ml.kernels.rows.timing import turn_rates

Choices = Sequence[RowLayerChoice]


def longest_group(choices: Sequence[Choices], limit: int) -> tuple[RowLayerChoice, ...]:
    """The longest group that ends with the last layer, with blocks up to a limit.

    Every end of it is a group as well, the best one of those layers as far as known: from the last
    layer backwards, each takes the kernel with the fewest cycles that fits the layers behind it.

    Args:
        choices: For each layer, in order, the row kernels that it may have; none where the layer
            does not run by rows.
        limit: The most rows in a turn.
    """
    group: tuple[RowLayerChoice, ...] = ()
    for options in reversed(choices):
        fitting = [
            choice
            for choice in sorted(options, key=lambda choice: choice.cycles)
            if choice.kernel.block <= limit and _shares_loops(choice, group)
        ]
        if not fitting:
            break
        group = (fitting[0], *group)
    return group


def _shares_loops(choice: RowLayerChoice, group: Choices) -> bool:
    if group and choice.loops.is_sum:
        return False
    return not isinstance(turn_rates([c.timed for c in (choice, *group)]), str)


def block_limits(choices: Sequence[Choices]) -> list[int]:
    """The limits of blocks that make a difference, ascending."""
    return sorted({choice.kernel.block for options in choices for choice in options})
