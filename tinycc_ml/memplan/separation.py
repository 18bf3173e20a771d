"""Which relations two buffers may have in the arena.

The placement core knows no lifetimes: it sees only these distances. A pair that may partly overlap
is therefore a pair with smaller distances, and no new code in the core.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.memplan.problem import PlannedBuffer, PlanProblem


@dataclass(frozen=True, slots=True)
class Gaps:
    """Single legal distances among forbidden ones.

    Args:
        step_bytes: They are the multiples of it ...
        low_bytes: ... from here ...
        high_bytes: ... up to here, inclusive.
    """

    step_bytes: int
    low_bytes: int
    high_bytes: int


@dataclass(frozen=True, slots=True)
class Separation:
    """What an already placed ``other`` demands of a buffer.

    The buffer's offset is legal if it is ``<= offset[other] - below_bytes`` or
    ``>= offset[other] + above_bytes``, or if it is ``offset[other]`` plus one of the gaps.

    Args:
        other: Index of the other buffer in the problem.
        below_bytes: Least distance when the buffer starts below the other.
        above_bytes: Least distance when it starts above.
        gaps: Legal distances between the two.
    """

    other: int
    below_bytes: int
    above_bytes: int
    gaps: Gaps | None = None


def disjoint(buffer: PlannedBuffer, other: PlannedBuffer, other_index: int) -> Separation:
    """The separation of two buffers that may not share a byte."""
    return Separation(other_index, below_bytes=buffer.size_bytes, above_bytes=other.size_bytes)


def separations(problem: PlanProblem) -> tuple[tuple[Separation, ...], ...]:
    """Per buffer, the separations from every buffer that lives with it."""
    index_of = {buffer.name: index for index, buffer in enumerate(problem.buffers)}
    relaxed: dict[tuple[int, int], Separation] = {}
    for overlap in problem.overlaps:
        written, dying = index_of[overlap.written], index_of[overlap.dying]
        forward, backward = overlap.forward_bytes, overlap.backward_bytes
        if backward is None:
            backward = problem.buffers[dying].size_bytes
        up = down = None
        if overlap.pixels is not None:
            step, least = overlap.pixels.pixel_bytes, overlap.pixels.least_bytes
            up, down = Gaps(step, least, forward), Gaps(step, -forward, -least)
        relaxed[written, dying] = Separation(dying, forward, backward, down)
        relaxed[dying, written] = Separation(written, backward, forward, up)
    return tuple(
        tuple(
            relaxed.get((index, other_index)) or disjoint(buffer, other, other_index)
            for other_index, other in enumerate(problem.buffers)
            if other_index != index and buffer.lives_with(other)
        )
        for index, buffer in enumerate(problem.buffers)
    )
