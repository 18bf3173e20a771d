"""Replays a group that takes pushed rows, turn by turn: is the row there that is read?

Part of the independent check. It runs the loops that become C, as far as the turn decides about
them: they must have no statements between them, and in each turn only the one row of the input may
be read that the application has just pushed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from tinycc_ml.errors import InternalError
from tinycc_ml.kernels import Kernel, PushedRows
from tinycc_ml.loopir import Affine, Buffer, CallIntrinsic, For, If, Load
from tinycc_ml.loopir.walk import Body, expressions
from tinycc_ml.loopir.windows import bound_windows

_INPUT = "input"


def check_pushed(name: str, kernel: Kernel, pushed: PushedRows) -> None:
    """Replay the turns of a kernel.

    Args:
        name: Of the call, for messages.
        kernel: The kernel.
        pushed: Which turn takes which row.

    Raises:
        InternalError: If a turn reads a row that is not there, or a row is never read; or if the
            number of turns is another.
    """
    loops, body = _outermost(kernel.loops.body, pushed.turns)
    x = kernel.loops.buffer(_INPUT)
    rows = x.shape[0]
    if rows != pushed.rows:
        raise InternalError(f"memory check: {name}: {pushed.rows} rows are pushed, {rows} read")
    turns = product(*(range(extent) for _, extent in loops))
    seen: set[int] = set()
    count = 0
    for count, values in enumerate(turns, 1):
        there = count - 1 - pushed.first_turn
        turn = dict(zip((v for v, _ in loops), values, strict=True))
        for row in _rows(body, turn, {}, x):
            if row != there or not 0 <= row < rows:
                raise InternalError(
                    f"memory check: {name}: turn {count - 1} reads row {row} of the input, when "
                    f"row {there} is there"
                )
            seen.add(row)
    if count != pushed.turns or len(seen) != rows:
        raise InternalError(
            f"memory check: {name}: {count} turns read {len(seen)} rows of the input, should be "
            f"{pushed.turns} and {rows}"
        )


def _outermost(body: Body, turns: int) -> tuple[list[tuple[str, int]], Body]:
    """The outermost loops that make up the turns, and what is inside."""
    loops: list[tuple[str, int]] = []
    count = 1
    while count < turns and len(body) == 1 and isinstance(body[0], For):
        loops.append((body[0].variable, body[0].extent))
        count *= body[0].extent
        body = body[0].body
    return loops, body


def _rows(
    body: Body, values: Mapping[str, int], extents: Mapping[str, int], x: Buffer
) -> Iterator[int]:
    """The rows of the input that statements may read."""
    for statement in body:
        match statement:
            case For(variable, extent, inner):
                yield from _rows(inner, values, {**extents, variable: extent}, x)
            case If(conditions, inner):
                known = [c for c in conditions if c.index.variables <= set(values)]
                if all(c.low <= c.index.evaluate(values) < c.high for c in known):
                    yield from _rows(inner, values, extents, x)
            case CallIntrinsic():
                for argument, parameter in bound_windows(statement):
                    if argument.buffer == x.name:
                        low, high = _range(x.flatten(argument.start), values, extents)
                        columns = x.shape[1]
                        last = high + parameter.elements - 1
                        yield from range(low // columns, last // columns + 1)
            case _:
                for expr in expressions((statement,)):
                    if isinstance(expr, Load) and expr.buffer == x.name:
                        low, high = _range(expr.indices[0], values, extents)
                        yield from range(low, high + 1)


def _range(index: Affine, values: Mapping[str, int], extents: Mapping[str, int]) -> tuple[int, int]:
    """The least and the greatest value of an index in one turn."""
    for variable in index.variables & set(values):
        index = index.substitute(variable, values[variable])
    return index.bounds(extents)
