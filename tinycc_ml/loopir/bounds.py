"""Proves in which range an index lies: loop extents, narrowed by the conditions around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import Condition

#: How many conditions may be combined for one index: a tap has one for each split of its loops.
_DEPTH = 3


def index_range(
    index: Affine, extents: Mapping[str, int], conditions: Sequence[Condition]
) -> tuple[int, int]:
    """Lowest and highest value that the index can be proved to have.

    A condition ``low <= g < high`` bounds ``index`` through ``index = k * g + rest``.

    Args:
        index: The index; its variables are keys of ``extents``.
        extents: The extents of the loops around it.
        conditions: The conditions that hold.
    """
    return _range(index, extents, tuple(conditions), _DEPTH)


def is_unreachable(extents: Mapping[str, int], conditions: Sequence[Condition]) -> bool:
    """Whether the conditions can be proved never to hold together (unrolling leaves such code)."""
    ranges = [index_range(condition.index, extents, conditions) for condition in conditions]
    return any(
        low > high or low >= condition.high or high < condition.low
        for condition, (low, high) in zip(conditions, ranges, strict=True)
    )


def _range(
    index: Affine, extents: Mapping[str, int], conditions: tuple[Condition, ...], depth: int
) -> tuple[int, int]:
    low, high = index.bounds(extents)
    if depth == 0:
        return low, high
    for i, condition in enumerate(conditions):
        others = conditions[:i] + conditions[i + 1 :]
        for factor in _factors(index, condition.index):
            rest = _range(index - condition.index * factor, extents, others, depth - 1)
            ends = factor * condition.low, factor * (condition.high - 1)
            low = max(low, min(ends) + rest[0])
            high = min(high, max(ends) + rest[1])
    return low, high


def _factors(index: Affine, guard: Affine) -> Iterator[int]:
    seen = set()
    for variable, coefficient in guard.terms:
        factor, remainder = divmod(index.coefficient(variable), coefficient)
        if remainder == 0 and factor != 0 and factor not in seen:
            seen.add(factor)
            yield factor
