"""Checks of calls of intrinsics: that every window fits its parameter and lies in its buffer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import gcd

from tinycc_ml.dtypes import DType
from tinycc_ml.errors import InternalError
from tinycc_ml.loopir.bounds import index_range, is_unreachable
from tinycc_ml.loopir.index import Affine
from tinycc_ml.loopir.ir import Argument, Buffer, CallIntrinsic, Condition, Load, Role, Store
from tinycc_ml.loopir.printer import format_element
from tinycc_ml.loopir.walk import expressions, statements

WRITABLE = (Role.OUTPUT, Role.SCRATCH, Role.STATE)
#: What has no content before the first store.
EMPTY = (Role.OUTPUT, Role.SCRATCH)


def bound_windows(call: CallIntrinsic) -> Iterator[tuple[Argument, Buffer]]:
    """Each argument with the parameter that it is bound to.

    Raises:
        InternalError: If their numbers differ.
    """
    parameters = call.intrinsic.parameters
    if len(parameters) != len(call.arguments):
        raise InternalError(
            f"{call.intrinsic.name} takes {len(parameters)} windows, {len(call.arguments)} given"
        )
    return zip(call.arguments, parameters, strict=True)


def flat_start(argument: Argument, buffer: Buffer) -> Affine:
    """The flat index of a window's first element; in a ring, from the start of its row on.

    Raises:
        InternalError: If the index has the wrong rank.
    """
    if len(argument.start) != len(buffer.shape):
        where = format_element(argument.buffer, argument.start)
        raise InternalError(f"{where}: {len(argument.start)} indices, rank is {len(buffer.shape)}")
    if buffer.ring_rows is None:
        return buffer.flatten(argument.start)
    return _row(buffer).flatten(argument.start[1:])


def _row(ring: Buffer) -> Buffer:
    """One row of a ring."""
    return replace(ring, shape=ring.shape[1:], ring_rows=None)


def _rows_together(ring: Buffer, row: Affine) -> int:
    """How many rows certainly lie one after another, from a row on.

    Where every row number that occurs is a multiple of some number, and the ring's height is too,
    so many rows never run over its end.
    """
    if ring.ring_rows is None or ring.ring_rows >= ring.shape[0]:
        return ring.shape[0]
    return gcd(ring.ring_rows, row.constant, *(coefficient for _, coefficient in row.terms))


def check_call(
    call: CallIntrinsic,
    buffers: Mapping[str, Buffer],
    extents: Mapping[str, int],
    conditions: Sequence[Condition],
) -> None:
    """Raises unless every window fits its parameter, and provably lies in its buffer."""
    check_roles(call, buffers)
    for argument, parameter in bound_windows(call):
        buffer = buffers[argument.buffer]
        low, high = index_range(flat_start(argument, buffer), extents, conditions)
        end, limit = high + parameter.elements, buffer.elements
        if buffer.ring_rows is not None:
            row = _row(buffer).elements
            limit = row * _rows_together(buffer, argument.start[0])
            _check_row(call, argument, buffer, -(-end // row), extents, conditions)
        if (low < 0 or end > limit) and not is_unreachable(extents, conditions):
            raise InternalError(
                f"{_where(call, argument)}: the window runs over {low}..{end - 1}, the buffer over "
                f"0..{limit - 1}"
            )


def _check_row(
    call: CallIntrinsic,
    argument: Argument,
    ring: Buffer,
    rows: int,
    extents: Mapping[str, int],
    conditions: Sequence[Condition],
) -> None:
    """Raises unless so many rows from the window's first one on exist."""
    low, high = index_range(argument.start[0], extents, conditions)
    high += max(rows, 1) - 1
    outside = low < 0 or high >= ring.shape[0]
    if outside and not is_unreachable(extents, conditions):
        raise InternalError(
            f"{_where(call, argument)}: the row runs over {low}..{high}, "
            f"the buffer over 0..{ring.shape[0] - 1}"
        )


def check_roles(call: CallIntrinsic, buffers: Mapping[str, Buffer]) -> None:
    """Raises unless windows have the right types, and written ones are writable and unshared."""
    written = [a.buffer for a, parameter in bound_windows(call) if parameter.role in WRITABLE]
    names = [argument.buffer for argument in call.arguments]
    for argument, parameter in bound_windows(call):
        where = _where(call, argument)
        buffer = buffers.get(argument.buffer)
        if buffer is None:
            raise InternalError(f"{where}: the buffer does not exist")
        if buffer.dtype is not parameter.dtype:
            raise InternalError(
                f"{where}: the buffer is {buffer.dtype.value}, {parameter.name} is "
                f"{parameter.dtype.value}"
            )
        if buffer.dtype is DType.INT4:
            raise InternalError(f"{where}: elements of int4 have no address")
        if parameter.role in WRITABLE and buffer.role not in WRITABLE:
            raise InternalError(f"{where}: written, but {argument.buffer} is {buffer.role.value}")
        is_shared = argument.buffer in written and names.count(argument.buffer) > 1
        if is_shared and not _is_in_place(call, argument.buffer):
            raise InternalError(f"{where}: {argument.buffer} is written and passed twice")


def _is_in_place(call: CallIntrinsic, buffer: str) -> bool:
    """Whether a call reads each element of a window before it writes the same one.

    All the buffer's windows are the same one, and at each store the meaning has read no element but
    that of the same index. A text may read earlier than its meaning, but never later.
    """
    windows = [(a, p) for a, p in bound_windows(call) if a.buffer == buffer]
    names = {parameter.name for _, parameter in windows}
    starts = {argument.start for argument, _ in windows}
    body = call.intrinsic.meaning.body
    stored = {s.indices for s in statements(body) if isinstance(s, Store) and s.buffer in names}
    loaded = {e.indices for e in expressions(body) if isinstance(e, Load) and e.buffer in names}
    return len(starts) == 1 and len(stored) == 1 and loaded <= stored


def _where(call: CallIntrinsic, argument: Argument) -> str:
    return f"{call.intrinsic.name}: {format_element(argument.buffer, argument.start)}"
