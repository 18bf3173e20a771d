"""The time axis of a problem, cut into sections: the largest sets of buffers that live together.

Every pair of buffers that meets does so in some section, and only in sections do bytes add up, so a
search needs no other points in time. Source: the sections of minimalloc (Moffitt, "MiniMalloc",
ASPLOS 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tinycc_ml.memplan.problem import PlannedBuffer

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sections:
    """Which buffers live in which sections.

    Attributes:
        first: Per buffer, its first section; int64 of shape (buffers,).
        end: Per buffer, the section after its last one.
        members: Per section, its buffers, filled up with the number of buffers; int64 of shape
            (sections, most members).
    """

    first: Ints
    end: Ints
    members: Ints

    @property
    def count(self) -> int:
        """How many sections there are."""
        return len(self.members)


def sections_of(buffers: Sequence[PlannedBuffer]) -> Sections:
    """The sections of at least one buffer."""
    starts = {buffer.first_step for buffer in buffers}
    ends = {buffer.last_step for buffer in buffers}
    # A live set is complete in a step after which some buffer ends, if any began since the last.
    steps, is_new = [], False
    for step in range(max(ends) + 1):
        is_new |= step in starts
        if is_new and step in ends:
            steps.append(step)
            is_new = False
    at = np.array(steps, np.int64)
    first = np.searchsorted(at, [buffer.first_step for buffer in buffers], "left")
    end = np.searchsorted(at, [buffer.last_step for buffer in buffers], "right")
    lists = [np.nonzero((first <= s) & (s < end))[0] for s in range(len(at))]
    members = np.full((len(at), max(map(len, lists))), len(buffers), np.int64)
    for row, live in zip(members, lists, strict=True):
        row[: len(live)] = live
    return Sections(first.astype(np.int64), end.astype(np.int64), members)
