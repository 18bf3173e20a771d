"""Groups with their timing; and an input that the application pushes into one, row by row.

Of a pushed input there is never more than one row. A member of its own, the receiver, copies each
row into a ring, from which the group's layers read their windows. Where the one layer that reads
the input takes each row once, it does so without a ring.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from tinycc_ml.kernels.program import PushedRows
from tinycc_ml.kernels.rows.base import ROW, RowLoops
from tinycc_ml.kernels.rows.member import Member
from tinycc_ml.kernels.rows.timing import RowReads, Timing, time_rows
from tinycc_ml.loopir import Buffer, Role
from tinycc_ml.loopir import build as b

#: The receiver's label, and the value between it and the layers. No value has such a name.
_RECEIVER = "pushed"
_RECEIVED = "pushed rows"


@dataclass(frozen=True, slots=True)
class TimedGroup:
    """The members of a group, the receiver included, and when they run.

    Attributes:
        members: In execution order.
        timing: Of the members.
        pushed: Where the input is pushed: which turn takes which row.
    """

    members: tuple[Member, ...]
    timing: Timing
    pushed: PushedRows | None = None


def timed_group(members: Sequence[Member], pushed: Set[str]) -> TimedGroup | str:
    """A group with its timing, or why its layers cannot run row by row.

    Args:
        members: The layers in execution order.
        pushed: The values whose rows the application pushes: the input and views of it.
    """
    names = [name for member in members for name in member.inputs if name in pushed]
    if len(set(names)) > 1:
        return f"the pushed input is read in {len(set(names))} shapes"
    if not names:
        timing = time_rows([member.timed() for member in members])
        return timing if isinstance(timing, str) else TimedGroup(tuple(members), timing)
    members = _received(members, names)
    timing = time_rows([member.timed() for member in members])
    if isinstance(timing, str):
        return timing
    index = next(i for i, member in enumerate(members) if names[0] in member.inputs)
    slot, fastest = timing.slots[index], timing.rates[-1]
    if slot.rate != fastest or slot.shift > 0:
        return "rows of the input do not come one in each turn"
    rows = PushedRows(members[index].loops.turns, -slot.shift, timing.ticks * fastest)
    return TimedGroup(tuple(members), timing, rows)


def _received(members: Sequence[Member], names: Sequence[str]) -> Sequence[Member]:
    """The members with the receiver before them, if one is needed."""
    name = names[0]
    reader = next(member for member in members if name in member.inputs)
    role, reads = reader.loops.reads[reader.inputs.index(name)]
    if len(names) == 1 and reads == RowReads():
        return members
    x = next(buffer for buffer in reader.loops.buffers if buffer.name == role)
    readers = [
        replace(member, inputs=tuple(_RECEIVED if n == name else n for n in member.inputs))
        for member in members
    ]
    return (_receiver(name, x), *readers)


def _receiver(name: str, x: Buffer) -> Member:
    """Copies rows.

    Args:
        name: The pushed value.
        x: The parameter through which a layer reads it: rows, elements of a row.
    """
    rows, elements = x.shape
    source = replace(x, name="input", role=Role.INPUT)
    target = replace(x, name="output", role=Role.OUTPUT)
    copied = b.store(target, (ROW, "column"), b.load(source, ROW, "column"))
    loops = RowLoops(
        (source, target),
        rows,
        (("input", RowReads()),),
        b.nest([("column", elements)], copied),
    )
    return Member("The input", _RECEIVER, "copy of pushed rows", loops, (name,), _RECEIVED)
