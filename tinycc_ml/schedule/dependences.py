"""Decides whether the turns of nested loops may run in any order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from tinycc_ml.dtypes import DType
from tinycc_ml.loopir import (
    Accumulate,
    Affine,
    Assign,
    For,
    Load,
    Local,
    Lookup,
    LoopKernel,
    Store,
    Var,
)
from tinycc_ml.loopir.printer import format_element
from tinycc_ml.loopir.walk import Body, expressions, intrinsic_calls, local_types, statements

Indices = tuple[Affine, ...]


def order_conflict(kernel: LoopKernel, loops: Sequence[For], body: Body) -> str | None:
    """Why turns of the loops may not run in any order; ``None`` where they may.

    The test is sufficient, not necessary: it refuses what it cannot prove.

    Args:
        kernel: The kernel that the loops are part of.
        loops: Perfectly nested loops.
        body: The innermost body.
    """
    # In a ring, different indices may be one place.
    rings = {b.name for b in kernel.buffers if b.ring_rows is not None}
    stored = (s.buffer for s in statements(body) if isinstance(s, Store) and s.buffer in rings)
    in_ring = next((f"{name} is a ring and stored to" for name in stored), None)
    return (
        in_ring
        or next(_local_conflicts(kernel, body), None)
        or next(_memory_conflicts(loops, body), None)
    )


def _local_conflicts(kernel: LoopKernel, body: Body) -> Iterator[str]:
    types = local_types(kernel.body)
    own = {s.name for s in statements(body) if isinstance(s, Local)}
    read = {expr.name for expr in expressions(body) if isinstance(expr, Var)}
    for statement in statements(body):
        if isinstance(statement, Assign) and statement.name not in own:
            yield f"{statement.name} is assigned in each turn and lives longer"
        if isinstance(statement, Accumulate) and statement.name not in own:
            if statement.name in read:
                yield f"{statement.name} is read between the sums into it"
            if types[statement.name] is DType.FLOAT32:
                yield f"{statement.name} is a sum of floats: its rounding depends on the order"


def _memory_conflicts(loops: Sequence[For], body: Body) -> Iterator[str]:
    for call in intrinsic_calls(body):
        yield f"{call.intrinsic.name} is called in each turn"
    extents = {loop.variable: loop.extent for loop in loops}
    inner = {s.variable: s.extent for s in statements(body) if isinstance(s, For)}
    stores = [s for s in statements(body) if isinstance(s, Store)]
    stored = {store.buffer for store in stores}
    loads = [e for e in expressions(body) if isinstance(e, Load) and e.buffer in stored]
    for expr in expressions(body):
        if isinstance(expr, Lookup) and expr.buffer in stored:
            yield f"{expr.buffer} is stored to and read at a computed index"
    accesses: list[Store | Load] = [*stores, *loads]
    for store, other in product(stores, accesses):
        if store.buffer == other.buffer and not _disjoint(
            store.indices, other.indices, extents, inner
        ):
            what = "stored" if isinstance(other, Store) else "read"
            yield (
                f"an element {format_element(store.buffer, store.indices)} may be stored in one "
                f"turn and {what} in another"
            )


def _disjoint(a: Indices, b: Indices, extents: Mapping[str, int], inner: Mapping[str, int]) -> bool:
    """Whether ``a`` in one turn and ``b`` in a different turn are never the same element.

    Equal elements have equal indices in each dimension; a dimension may force the two turns to
    agree in some loops, and that may make another dimension decide about more.
    """
    undecided = {variable: n for variable, n in extents.items() if n > 1}
    progress = True
    while undecided and progress:
        progress = False
        for left, right in zip(a, b, strict=True):
            for variable in _forced_equal(left, right, undecided, extents, inner):
                del undecided[variable]
                progress = True
    return not undecided


def _forced_equal(
    a: Affine,
    b: Affine,
    undecided: Mapping[str, int],
    extents: Mapping[str, int],
    inner: Mapping[str, int],
) -> list[str]:
    """Loops whose variables must agree in two turns if ``a`` of one is ``b`` of the other.

    ``a - b`` is ``sum(coefficient * difference)`` over the loops plus a rest within ``+-span``.
    A loop's difference is 0 if its coefficient is greater than all that the loops with smaller
    coefficients and the rest can contribute.
    """
    span = _rest_span(a, b, extents, inner)
    if span is None:
        return []
    reach = span
    forced: list[str] = []
    for coefficient, variable in sorted((abs(a.coefficient(v)), v) for v in undecided):
        if coefficient > reach:
            forced.append(variable)
        else:
            forced.clear()
        reach += coefficient * (undecided[variable] - 1)
    return forced


def _rest_span(
    a: Affine, b: Affine, extents: Mapping[str, int], inner: Mapping[str, int]
) -> int | None:
    """The largest magnitude of ``a - b`` apart from the loops; ``None`` if not comparable."""
    outside = (a.variables | b.variables) - set(inner)
    if any(a.coefficient(v) != b.coefficient(v) for v in outside):
        return None
    (low_a, high_a), (low_b, high_b) = (_inner_part(x, inner).bounds(inner) for x in (a, b))
    return max(abs(high_a - low_b), abs(low_a - high_b))


def _inner_part(index: Affine, inner: Mapping[str, int]) -> Affine:
    return Affine(tuple((v, c) for v, c in index.terms if v in inner), index.constant)
