"""Compares outputs byte by byte and finds where two runs part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinycc_ml.graph import Array


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


def same_bytes(found: Sequence[Array], expected: Sequence[Array]) -> bool:
    """Whether all tensors agree in every byte."""
    return all(f.tobytes() == e.tobytes() for f, e in zip(found, expected, strict=True))


def first_difference(where: str, found: Array, expected: Array) -> Difference | None:
    """The first differing element; ``None`` when every byte agrees."""
    width = expected.dtype.itemsize
    bytes_found = np.frombuffer(found.tobytes(), np.uint8).reshape(-1, width)
    bytes_expected = np.frombuffer(expected.tobytes(), np.uint8).reshape(-1, width)
    differs = np.flatnonzero((bytes_found != bytes_expected).any(axis=1))
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
