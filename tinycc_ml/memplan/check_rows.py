"""Replays a fused loop nest row by row: does every slot of a ring hold the row that is read?

Part of the independent check. It knows neither timing nor heights of rings: it runs the loops that
will become C, as far as rows depend on them, and keeps the number of the row that lies in each
slot. On the way it compares what is read of the inputs, and when, with the promised access order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

from tinycc_ml.errors import InternalError
from tinycc_ml.kernels import Kernel
from tinycc_ml.loopir import (
    Affine,
    Buffer,
    CallIntrinsic,
    Condition,
    For,
    If,
    Load,
    Role,
    Stmt,
    Store,
)
from tinycc_ml.loopir.bounds import index_range
from tinycc_ml.loopir.walk import Body, expressions, statements
from tinycc_ml.loopir.windows import bound_windows
from tinycc_ml.ops import Spans

_NOTHING = -1


def check_rows(name: str, kernel: Kernel) -> None:
    """Replay a kernel with rings.

    Args:
        name: Of the call, for messages.
        kernel: The kernel.

    Raises:
        InternalError: Naming ring and row, if a slot holds another row than the one that is read;
            or if an input is read that the access order does not tell of, or later than it tells.
    """
    _Replay(name, kernel).run()


class _Replay:
    def __init__(self, name: str, kernel: Kernel) -> None:
        self.name = name
        self.kernel = kernel
        self.buffers = {buffer.name: buffer for buffer in kernel.loops.buffers}
        self.slots = {
            b.name: [_NOTHING] * b.ring_rows for b in self.buffers.values() if b.ring_rows
        }
        self.spans = {
            role: pattern.spans
            for role, pattern in kernel.access.inputs
            if isinstance(pattern, Spans)
        }
        self.turn = 0
        self.outer = _row_variables(kernel.loops.body, self.buffers)
        self.extents: dict[str, int] = {}

    def run(self) -> None:
        self.body(self.kernel.loops.body, {})
        turns = self.buffers["output"].elements // self.kernel.access.step_elements
        if self.turn != turns:
            self.fail(f"{self.turn} of {turns} turns are written")

    def body(
        self, body: Body, values: Mapping[str, int], columns: tuple[Condition, ...] = ()
    ) -> None:
        """Runs statements.

        Args:
            body: The statements.
            values: Of the loops that rows depend on.
            columns: What holds there of other loops.
        """
        for statement in body:
            match statement:
                case For(variable, extent, inner) if variable in self.outer:
                    for value in range(extent):
                        self.body(inner, {**values, variable: value}, columns)
                case For(variable, extent, inner):
                    self.extents[variable] = extent
                    self.check_order(inner)
                    self.body(inner, values, columns)
                case If(conditions, inner):
                    if all(_may_hold(condition, values) for condition in conditions):
                        others = (c for c in conditions if not c.index.variables & set(values))
                        self.body(inner, values, (*columns, *others))
                case _:
                    self.simple(statement, values, columns)

    def check_order(self, body: Body) -> None:
        """Within these loops, reads and writes take turns for every pixel."""
        accesses = [access for statement in statements(body) for access in _accesses(statement)]
        reads = any(name in self.spans for name, _, _, writes in accesses if not writes)
        writes = any(name == "output" for name, _, _, writes in accesses if writes)
        if reads and writes and self.kernel.access.reads_first:
            self.fail("reads and writes interleave, but all reads of a turn should come first")

    def simple(
        self, statement: Stmt, values: Mapping[str, int], columns: tuple[Condition, ...]
    ) -> None:
        for name, indices, elements, writes in _accesses(statement):
            buffer = self.buffers[name]
            if not (buffer.ring_rows or (writes and name == "output") or name in self.spans):
                continue
            span = self.flat(buffer, indices, values, columns, elements)
            if buffer.ring_rows:
                self.ring(buffer, _value(indices[0], values), span, writes=writes)
            elif writes and name == "output":
                self.write(span)
            else:
                self.read(name, span)

    def ring(self, ring: Buffer, first: int, span: tuple[int, int], *, writes: bool) -> None:
        """A window from row `first` on; its rows lie in slots that follow each other."""
        slots = self.slots[ring.name]
        row_elements = prod(ring.shape[1:])
        start = first % len(slots)
        for row in range(span[0] // row_elements, -(-span[1] // row_elements)):
            slot = start + row - first
            if not 0 <= slot < len(slots):
                self.fail(f"row {row} of {ring.name} is reached over the end of the ring")
            if writes:
                slots[slot] = row
            elif slots[slot] != row:
                holds = "nothing yet" if slots[slot] == _NOTHING else f"row {slots[slot]}"
                self.fail(f"slot {slot} of {ring.name} should hold row {row}, but holds {holds}")

    def read(self, name: str, span: tuple[int, int]) -> None:
        spans = self.spans[name]
        first, end = spans[self.turn] if self.turn < len(spans) else (0, 0)
        if not first <= span[0] <= span[1] <= end:
            self.fail(
                f"elements {span[0]} to {span[1] - 1} of {name} are read in turn {self.turn}, "
                f"which should read {first} to {end - 1}"
            )

    def write(self, span: tuple[int, int]) -> None:
        """The turn is over when its last element is written; rows are written as a whole."""
        step = self.kernel.access.step_elements
        if span[0] < (self.turn - 1) * step or span[1] > (self.turn + 1) * step:
            self.fail(f"elements {span[0]} to {span[1] - 1} are written in turn {self.turn}")
        self.turn = max(self.turn, span[1] // step)

    def flat(
        self,
        buffer: Buffer,
        indices: tuple[Affine, ...],
        values: Mapping[str, int],
        columns: tuple[Condition, ...],
        elements: int,
    ) -> tuple[int, int]:
        """First and one-past-last element that may be touched, counted in the whole tensor."""
        row = replace(buffer, shape=buffer.shape[1:], ring_rows=None)
        low, high = index_range(row.flatten(indices[1:]), self.extents, columns)
        start = _value(indices[0], values) * prod(buffer.shape[1:])
        return start + low, start + high + elements

    def fail(self, what: str) -> None:
        raise InternalError(f"memory check: {self.name}: {what}")


def _row_variables(body: Body, buffers: Mapping[str, Buffer]) -> frozenset[str]:
    """The loops that rows depend on."""
    found: set[str] = set()
    for statement in statements(body):
        for name, indices, _, _ in _accesses(statement):
            buffer = buffers[name]
            if buffer.ring_rows or buffer.role in (Role.INPUT, Role.OUTPUT):
                found |= indices[0].variables
    return frozenset(found)


def _accesses(statement: Stmt) -> Iterator[tuple[str, tuple[Affine, ...], int, bool]]:
    """(buffer, index, elements, whether they are written) of each access of one statement."""
    if isinstance(statement, For | If):
        return
    if isinstance(statement, CallIntrinsic):
        for argument, parameter in bound_windows(statement):
            writes = parameter.role in (Role.OUTPUT, Role.SCRATCH)
            yield argument.buffer, argument.start, parameter.elements, writes
        return
    for expr in expressions((statement,)):
        if isinstance(expr, Load):
            yield expr.buffer, expr.indices, 1, False
    if isinstance(statement, Store):
        yield statement.buffer, statement.indices, 1, True


def _may_hold(condition: Condition, values: Mapping[str, int]) -> bool:
    """Whether a condition holds, or is about something else than rows."""
    if not condition.index.variables <= set(values):
        return True
    return condition.low <= condition.index.evaluate(values) < condition.high


def _value(index: Affine, values: Mapping[str, int]) -> int:
    return index.evaluate(values)
