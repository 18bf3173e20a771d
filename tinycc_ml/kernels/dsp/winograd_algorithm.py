"""Winograd's minimal filtering for 3x3 kernels, in integers: the algebra of F(2x2) and F(4x4).

A tile of m x m outputs reads n x n inputs, ``n = m + 2``. With one-dimensional transforms G, B, A

    outputs = A ((G filter G^T) * (B inputs B^T)) A^T        (* element by element)

G and A have fractions. Here the rows of G are scaled to integers and those of A by what is left of
a common multiple, so that the right side is ``odd * 2^scale_bits`` times the outputs. What comes
out of the last transform lacks a power of two, `factors`, different in each row and column; times
these and times the inverse of the odd part modulo 2^32 it is ``2^scale_bits`` times the exact
output. As only sums, differences and products are computed, everything before may wrap at 2^32.

Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array

TAPS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """``slot[target] = slot[left] + sign * 2^shift * slot[right]``: one instruction."""

    target: int
    left: int
    sign: int
    right: int
    shift: int = 0


@dataclass(frozen=True, slots=True)
class Transform:
    """A linear map as a program on slots that hold numbers; the first ones start with the inputs.

    Attributes:
        inputs: How many.
        steps: What is computed, in order.
        results: The slots that hold the results at the end.
    """

    inputs: int
    steps: tuple[Step, ...]
    results: tuple[int, ...]

    @property
    def slots(self) -> int:
        """Slots in all."""
        return max(self.inputs, *(step.target + 1 for step in self.steps))

    @property
    def matrix(self) -> Array:
        """(results, inputs), int64."""
        slots = np.zeros((self.slots, self.inputs), np.int64)
        slots[: self.inputs] = np.eye(self.inputs, dtype=np.int64)
        for s in self.steps:
            slots[s.target] = slots[s.left] + s.sign * (slots[s.right] << s.shift)
        matrix: Array = slots[list(self.results)]
        return matrix


@dataclass(frozen=True, slots=True)
class Algorithm:
    """F(m x m, 3 x 3).

    Attributes:
        outputs: m.
        filter_rows: G with its rows scaled to integers, (n, 3).
        input: B.
        output: A, without the factors.
        factors: What each row and column of the outputs lacks.
        odd: The odd part of the scale.
        scale_bits: Its power of two.
        lift: With 0, inputs are transformed as two int16 in a word, lane by lane. Else a word is
            one number ``65536 * high + low``, so that a step may shift; `lift` is then added to
            the low halves of all results, which makes them positive, and the halves int16 again.
    """

    outputs: int
    filter_rows: tuple[tuple[int, int, int], ...]
    input: Transform
    output: Transform
    factors: tuple[int, ...]
    odd: int
    scale_bits: int
    lift: int

    @property
    def name(self) -> str:
        """``f2`` or ``f4``."""
        return f"f{self.outputs}"

    @property
    def size(self) -> int:
        """n: rows and columns of inputs, and of products."""
        return self.outputs + TAPS - 1

    @property
    def positions(self) -> int:
        """Products of a tile and a channel."""
        return self.size * self.size

    @property
    def inverse(self) -> int:
        """Of the odd part, modulo 2^32."""
        return pow(self.odd, -1, 1 << 32)

    @property
    def lifted(self) -> tuple[int, ...]:
        """The rows and columns of a tile whose crossings are lifted by `lift`.

        A one in each of the last two of six inputs comes out of B as a one everywhere.
        """
        return (self.size - 2, self.size - 1) if self.lift else ()

    def corners(self) -> tuple[tuple[int, int], ...]:
        """The outputs (row, column) in whose window lifted inputs lie."""
        reached = [i for i in range(self.outputs) if any(x - i < TAPS for x in self.lifted)]
        return tuple((i, j) for i in reached for j in reached)

    def transform_filters(self, weight: Array) -> Array:
        """(n, n, filters, channels) from OHWI weights: rows first."""
        g = np.array(self.filter_rows, np.int64)
        transformed: Array = np.einsum("iy,oyxc,jx->ijoc", g, weight.astype(np.int64), g)
        return transformed

    def lift_sums(self, weight: Array) -> Array:
        """What `lift` adds to each corner, (corners, filters, channels)."""
        sums = [
            self.lift
            * sum(
                weight[:, y - i, x - j].astype(np.int64)
                for y in self.lifted
                for x in self.lifted
                if y - i < TAPS and x - j < TAPS
            )
            for i, j in self.corners()
        ]
        shape = (0, weight.shape[0], weight.shape[3])
        return np.stack(sums) if sums else np.zeros(shape, np.int64)


def _program(inputs: int, steps: Sequence[tuple[int, ...]], results: tuple[int, ...]) -> Transform:
    return Transform(inputs, tuple(Step(*step) for step in steps), results)


F2 = Algorithm(
    outputs=2,
    filter_rows=((1, 0, 0), (1, 1, 1), (1, -1, 1), (0, 0, 1)),
    input=_program(4, [(0, 0, -1, 2), (3, 1, -1, 3), (4, 1, 1, 2), (2, 2, -1, 1)], (0, 4, 2, 3)),
    output=_program(4, [(1, 1, 1, 2), (0, 1, 1, 0, 1), (2, 1, -1, 2, 1), (2, 2, -1, 3, 1)], (0, 2)),
    factors=(1, 1),
    odd=1,
    scale_bits=2,
    lift=0,
)
F4 = Algorithm(
    outputs=4,
    filter_rows=((1, 0, 0), (-1, -1, -1), (-1, 1, -1), (1, 2, 4), (1, -2, 4), (0, 0, 1)),
    # Even inputs first, and the first result before odd ones: at most six values are alive.
    input=_program(
        6,
        [
            (6, 4, -1, 2),
            (4, 4, -1, 2, 2),
            (0, 0, -1, 2),
            (0, 6, 1, 0, 2),
            (2, 3, -1, 1),
            (5, 5, -1, 3),
            (3, 3, -1, 1, 2),
            (5, 5, -1, 2, 2),
            (1, 6, 1, 2, 1),
            (2, 6, -1, 2, 1),
            (6, 4, 1, 3),
            (3, 4, -1, 3),
        ],
        (0, 6, 3, 1, 2, 5),
    ),
    output=_program(
        6,
        [
            (1, 1, 1, 2),
            (2, 1, -1, 2, 1),
            (3, 3, 1, 4),
            (4, 3, -1, 4, 1),
            (0, 0, 1, 0, 1),
            (0, 0, 1, 1, 1),
            (0, 3, 1, 0, 1),
            (1, 1, 1, 3),
            (3, 4, 1, 2, 1),
            (2, 2, 1, 4, 1),
            (5, 5, 1, 5, 1),
            (5, 2, 1, 5, 1),
        ],
        (0, 3, 1, 5),
    ),
    factors=(1, 2, 4, 4),
    odd=9,
    scale_bits=6,
    # The lowest result of lanes in 0 ... 255 is -12750, the highest 17340.
    lift=12800,
)
