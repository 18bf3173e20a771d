"""The state area: what outlives an inference has a place of its own for ever."""

from __future__ import annotations

from collections.abc import Sequence

from tinycc_ml.memplan.execution import KeptState
from tinycc_ml.memplan.plan import StatePlacement


def place_states(states: Sequence[KeptState]) -> tuple[StatePlacement, ...]:
    """Places states one after the other.

    Those with the largest alignment come first. As sizes are multiples of alignments, there is no
    gap, and no smaller area.
    """
    placed: list[StatePlacement] = []
    end_bytes = 0
    for state in sorted(states, key=lambda state: -state.alignment):
        offset_bytes = -(-end_bytes // state.alignment) * state.alignment
        placed.append(StatePlacement(state.value, state.renewed, offset_bytes, state.size_bytes))
        end_bytes = placed[-1].end_bytes
    return tuple(placed)
