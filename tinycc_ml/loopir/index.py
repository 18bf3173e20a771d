"""Affine index expressions: ``sum(coefficient * variable) + constant``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Affine:
    """An affine function of loop variables with integer coefficients.

    Attributes:
        terms: (variable, coefficient) pairs, sorted by variable, without zero coefficients.
        constant: The constant term.
    """

    terms: tuple[tuple[str, int], ...] = ()
    constant: int = 0

    def __add__(self, other: AffineLike) -> Affine:
        other = affine(other)
        merged = dict(self.terms)
        for variable, coefficient in other.terms:
            merged[variable] = merged.get(variable, 0) + coefficient
        return _normal(merged, self.constant + other.constant)

    __radd__ = __add__

    def __mul__(self, factor: int) -> Affine:
        return _normal({v: c * factor for v, c in self.terms}, self.constant * factor)

    __rmul__ = __mul__

    def __sub__(self, other: AffineLike) -> Affine:
        return self + affine(other) * -1

    @property
    def variables(self) -> frozenset[str]:
        """The variables that it depends on."""
        return frozenset(v for v, _ in self.terms)

    def coefficient(self, variable: str) -> int:
        """The coefficient of a variable; 0 where it does not occur."""
        return dict(self.terms).get(variable, 0)

    def substitute(self, variable: str, value: AffineLike) -> Affine:
        """Replaces a variable by an affine expression."""
        coefficient = self.coefficient(variable)
        if coefficient == 0:
            return self
        rest = _normal({v: c for v, c in self.terms if v != variable}, self.constant)
        return rest + affine(value) * coefficient

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The value for given values of all its variables."""
        return self.constant + sum(c * values[v] for v, c in self.terms)

    def bounds(self, extents: Mapping[str, int]) -> tuple[int, int]:
        """Lowest and highest value while each variable runs over ``range(extent)``."""
        low = high = self.constant
        for variable, coefficient in self.terms:
            span = coefficient * (extents[variable] - 1)
            low, high = low + min(0, span), high + max(0, span)
        return low, high


AffineLike = Affine | int | str


def affine(value: AffineLike) -> Affine:
    """An affine expression from itself, an integer, or the name of a loop variable."""
    if isinstance(value, Affine):
        return value
    return Affine((), value) if isinstance(value, int) else Affine(((value, 1),))


def _normal(terms: Mapping[str, int], constant: int) -> Affine:
    return Affine(tuple(sorted((v, c) for v, c in terms.items() if c)), constant)
