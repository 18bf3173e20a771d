"""Names for indices that a kernel uses more than once: ``const int32_t iy = oy * 2 + ky - 1;``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from tinycc_ml.loopir.c_expr import Atom, CExpr, Infix
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import Buffer, CallIntrinsic, For, If, Load, Stmt, Store
from tinycc_ml.loopir.walk import expressions, statements

#: The loops of row streaming are ``tick``, ``tick_1`` ...: sums of them number rows.
TICK = "tick"


class Names:
    """Gives out names that are not taken yet."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)

    def fresh(self, wish: str) -> str:
        """The wish, with a number where it is taken."""
        name, number = wish, 0
        while name in self._taken:
            number += 1
            name = f"{wish}_{number}"
        self._taken.add(name)
        return name


@dataclass(frozen=True, slots=True)
class Use:
    """One place where an index occurs: a dimension of a buffer, or a condition (no buffer)."""

    index: Affine
    buffer: str = ""


def uses(body: Sequence[Stmt], single: Set[str] = frozenset()) -> Iterator[Use]:
    """All indices of conditions, loads, stores and windows, in the order of the statements.

    Args:
        body: The statements.
        single: Buffers that keep one row: which one it is does not appear in C.
    """

    def of(buffer: str, indices: Sequence[Affine]) -> Iterator[Use]:
        return (Use(index, buffer) for index in indices[1 if buffer in single else 0 :])

    for statement in statements(body):
        if isinstance(statement, If):
            yield from (Use(condition.index) for condition in statement.conditions)
        elif isinstance(statement, CallIntrinsic):
            for argument in statement.arguments:
                yield from of(argument.buffer, argument.start)
        elif not isinstance(statement, For):
            for expr in expressions((statement,)):
                if isinstance(expr, Load):
                    yield from of(expr.buffer, expr.indices)
            if isinstance(statement, Store):
                yield from of(statement.buffer, statement.indices)


def is_tick(variable: str) -> bool:
    """Whether a loop is one of row streaming's."""
    return variable.split("_", maxsplit=1)[0] == TICK


def choose_names(body: Sequence[Stmt], names: Names, single: Set[str]) -> dict[Affine, str]:
    """Names of the indices that get one, in the order of their first use.

    An index that takes arithmetic gets a name where it occurs twice. A loop variable, alone or
    plus a constant, is readable as it is.

    Args:
        body: The statements.
        names: Gives out the names.
        single: As for :func:`uses`.
    """
    found = list(uses(body, single))
    # A condition compares its index with both limits.
    count = Counter(use.index for use in found for _ in range(1 if use.buffer else 2))
    first_buffer: dict[Affine, str] = {}
    for use in reversed(found):
        if use.buffer:
            first_buffer[use.index] = use.buffer
    return {
        index: names.fresh(_wish(index, first_buffer.get(index, "")))
        for index in dict.fromkeys(use.index for use in found)
        if count[index] > 1 and _takes_arithmetic(index)
    }


def _takes_arithmetic(index: Affine) -> bool:
    counts_ticks = any(map(is_tick, index.variables))
    return (
        len(index.terms) > 1
        or any(coefficient != 1 for _, coefficient in index.terms)
        or (counts_ticks and index.constant != 0)
    )


def _wish(index: Affine, buffer: str) -> str:
    """``oc`` for the two halves of a split ``oc``; ``iy`` for ``oy`` and ``ky`` in an input."""
    variables = [variable for variable, _ in index.terms]
    bases = {variable.split("_")[0] for variable in variables}
    if bases == {TICK}:
        return "row"
    if TICK in bases:
        endings = {base[1:] for base in bases - {TICK}}
        return f"i{endings.pop()}" if len(endings) == 1 else "at"
    if len(bases) == 1 and (len(variables) > 1 or "_" in variables[0]):
        return bases.pop()
    endings = {base[1:] for base in bases}
    ending = endings.pop() if len(endings) == 1 else ""
    return (buffer[0].lower() if buffer else "i") + ending if ending else f"{buffer or 'loop'}_at"


def affine_expr(index: Affine, order: Sequence[str]) -> CExpr:
    """The sum with the outermost loop first.

    Args:
        index: The index.
        order: The loops around it, outermost first.
    """
    if not index.terms:
        return Atom(str(index.constant))
    terms = sorted(index.terms, key=lambda term: (term[1] < 0, order.index(term[0])))
    total: CExpr | None = None
    if index.constant > 0 and all(coefficient < 0 for _, coefficient in terms):
        total = Atom(str(index.constant))
    for variable, coefficient in terms:
        factor = abs(coefficient)
        term: CExpr = Atom(variable)
        term = term if factor == 1 else Infix("*", term, Atom(str(factor)))
        total = term if total is None and coefficient > 0 else _plus(total, term, coefficient < 0)
    assert total is not None
    if index.constant < 0 or (index.constant > 0 and terms[0][1] > 0):
        total = _plus(total, Atom(str(abs(index.constant))), index.constant < 0)
    return total


def _plus(left: CExpr | None, right: CExpr, negative: bool) -> CExpr:
    return Infix("-" if negative else "+", left or Atom("0"), right)


def flat_expr(buffer: Buffer, indices: Sequence[CExpr]) -> CExpr:
    """The flat index of an element, factored as ``(y * width + x) * channels + c``.

    In a ring, ``y`` is the slot ``row % ring_rows``.
    """
    zero = Atom("0")
    flat: CExpr = zero
    stride = 1
    if buffer.ring_rows is not None and buffer.ring_rows < buffer.shape[0]:
        slot = Infix("%", indices[0], Atom(str(buffer.ring_rows)))
        indices = (zero if buffer.ring_rows == 1 else slot, *indices[1:])
    for extent, index in zip(buffer.shape, indices, strict=True):
        stride *= extent
        if index == zero:
            continue
        flat = index if flat == zero else _sum(_times(flat, stride), index)
        stride = 1
    return flat if flat == zero else _times(flat, stride)


def _sum(left: CExpr, right: CExpr) -> CExpr:
    """``left + right`` without brackets: indices are far from overflowing in any order."""
    if isinstance(right, Infix) and right.operator in ("+", "-"):
        return Infix(right.operator, _sum(left, right.left), right.right)
    return Infix("+", left, right)


def _times(expr: CExpr, factor: int) -> CExpr:
    return expr if factor == 1 else Infix("*", expr, Atom(str(factor)))
