"""Compares outputs and finds where two runs part.

Integers have to agree in every byte. Floats may differ by :data:`TOLERANCE` times the largest
magnitude of the expected tensor: sums may be made in another order, and single elements may be
differences of large numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array

TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Difference:
    """The first element in which two tensors differ.

    Attributes:
        where: Name of the layer or output.
        index: Position of the element.
        found: The device's value.
        expected: The reference's value.
        count: How many elements differ.
        elements: How many there are.
    """

    where: str
    index: tuple[int, ...]
    found: float
    expected: float
    count: int
    elements: int

    def __str__(self) -> str:
        place = ", ".join(map(str, self.index))
        return (
            f"{self.where}[{place}] is {self.found:g}, expected {self.expected:g}; "
            f"{self.count} of {self.elements} elements differ"
        )


def agree(found: Sequence[Array], expected: Sequence[Array]) -> bool:
    """Whether all tensors agree: integers in every byte, floats within the tolerance."""
    return not any(differing(f, e).any() for f, e in zip(found, expected, strict=True))


def differing(found: Array, expected: Array) -> Array:
    """Which elements differ, as a flat array of bool."""
    if expected.dtype.kind == "f":
        return _far(found.reshape(-1), expected.reshape(-1))
    width = expected.dtype.itemsize
    bytes_found = np.frombuffer(found.tobytes(), np.uint8).reshape(-1, width)
    bytes_expected = np.frombuffer(expected.tobytes(), np.uint8).reshape(-1, width)
    differs: Array = (bytes_found != bytes_expected).any(axis=1)
    return differs


def _far(found: Array, expected: Array) -> Array:
    """Which floats are further apart than the tolerance; infinities and NaN have to be the same."""
    finite = expected[np.isfinite(expected)].astype(np.float64)
    allowed = TOLERANCE * np.abs(finite).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        near = np.abs(found.astype(np.float64) - expected) <= allowed
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    far: Array = ~(near | same)
    return far


def first_difference(where: str, found: Array, expected: Array) -> Difference | None:
    """The first differing element; ``None`` where the tensors agree."""
    differs = np.flatnonzero(differing(found, expected))
    if differs.size == 0:
        return None
    flat = int(differs[0])
    return Difference(
        where,
        tuple(int(i) for i in np.unravel_index(flat, expected.shape)),
        float(found.reshape(-1)[flat]),
        float(expected.reshape(-1)[flat]),
        int(differs.size),
        expected.size,
    )
