"""What operators share that combine the elements along some dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from tinycc_ml.errors import UnsupportedError
from tinycc_ml.graph import Array
from tinycc_ml.ops.access import Access, Elementwise, Whole
from tinycc_ml.ops.base import Workload

Shape = tuple[int, ...]


def reduced_shape(operator: str, shape: Shape, axes: Shape, keep_dims: bool) -> Shape:
    """The shape without the axes, or with 1 in their place.

    Raises:
        UnsupportedError: If the axes are not ascending dimensions of the shape.
    """
    if list(axes) != sorted(set(axes) & set(range(len(shape)))) or not prod(shape):
        raise UnsupportedError(f"{operator} over the axes {axes} of {shape}")
    if keep_dims:
        return tuple(1 if i in axes else size for i, size in enumerate(shape))
    return tuple(size for i, size in enumerate(shape) if i not in axes)


def reduced_rows(x: Array, axes: Shape) -> Array:
    """What is combined to one output lies along the last axis; those that stay come first."""
    last = range(x.ndim - len(axes), x.ndim)
    rows = np.moveaxis(x, axes, last)
    return rows.reshape(*rows.shape[: last.start], -1)


@dataclass(frozen=True, slots=True)
class ReductionLoops:
    """The loops of a reduction: outside those that stay, inside those that are combined."""

    shape: Shape
    axes: Shape
    keep_dims: bool

    @property
    def element(self) -> list[str]:
        """Index of an input element."""
        return [f"d{i}" for i in range(len(self.shape))]

    @property
    def first(self) -> list[str | int]:
        """Index of the first input element of an output."""
        return [0 if i in self.axes else v for i, v in enumerate(self.element)]

    @property
    def kept(self) -> list[tuple[str, int]]:
        """Loops over the outputs."""
        return [(v, self.shape[i]) for i, v in enumerate(self.element) if i not in self.axes]

    @property
    def reduced(self) -> list[tuple[str, int]]:
        """Loops over the inputs of one output."""
        return [(v, self.shape[i]) for i, v in enumerate(self.element) if i in self.axes]

    @property
    def target(self) -> list[str | int]:
        """Index of the output."""
        if self.keep_dims:
            return self.first
        return [v for v, _ in self.kept]


def reduction_access(workload: Workload, axes: Shape) -> Access:
    """In step where the last dimensions are combined, else any order."""
    x, y = workload.operand("input"), workload.operand("output")
    if axes == tuple(range(len(x.shape) - len(axes), len(x.shape))):
        return Access(1, (("input", Elementwise(x.elements // y.elements)),), reads_first=True)
    return Access(y.elements, (("input", Whole()),))
