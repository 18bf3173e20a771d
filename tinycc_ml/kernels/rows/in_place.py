"""Values of a group that need no ring of their own: the next layer computes over them, in place.

An elementwise layer (a residual addition, for example) reads an element before it writes the one
of the same place, and some 1x1 convolutions read a pixel before they write it. Where the layer that
runs right before such a layer computes the same rows in the same turn, for nobody else, it can
write them where the other one's rows will be. Nothing runs in between, so the slot is free for the
one if it is for the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tinycc_ml.kernels.rows.member import Member, group_inputs
from tinycc_ml.kernels.rows.timing import Slot, Timing
from tinycc_ml.loopir import Buffer


def values_in_place(members: Sequence[Member], timing: Timing) -> Mapping[str, str]:
    """Values of a group that lie in the storage of others.

    Args:
        members: Layers in execution order.
        timing: Of those layers.

    Returns:
        For each such value the one whose ring, or whose place in the arena, it shares.
    """
    found: dict[str, str] = {}
    outside = set(group_inputs(members))
    last = members[-1].output
    # From the last on, so that it is known where the value of the reader lies.
    for index in reversed(range(1, len(members))):
        before = _runs_before(index, timing.slots)
        if before is None:
            continue
        producer, reader = members[before], members[index]
        value, target = producer.output, reader.output
        target = found.get(target, target)
        # The group's output may lie over its inputs at a distance that counts on rows which are
        # written when all has been read.
        reads_outside = not outside.isdisjoint((*producer.inputs, *reader.inputs))
        if target == last and reads_outside:
            continue
        is_alone = sum(member.inputs.count(value) for member in members) == 1
        if is_alone and _same_rows(producer, reader, timing):
            found[value] = target
    return found


def _runs_before(index: int, slots: Sequence[Slot]) -> int | None:
    """The layer that computes its turn right before that of another, in the same tick."""
    own = slots[index]
    for before in reversed(range(index)):
        if (slots[before].rate, slots[before].early) == (own.rate, own.early):
            return before if slots[before] == own else None
    return None


def _same_rows(producer: Member, reader: Member, timing: Timing) -> bool:
    """Whether a reader computes in place the rows that its producer just wrote."""
    value = producer.output
    if value not in reader.inputs or producer.loops.is_sum or reader.loops.is_sum:
        return False
    role, reads = reader.loops.reads[reader.inputs.index(value)]
    block = reader.loops.block
    return (
        role in reader.loops.in_place
        and producer.loops.block == block == timing.ring_rows[value]
        and (reads.stride, reads.padding, reads.span) == (block, 0, block)
        and _rows(producer.result) == _rows(reader.result)
    )


def _rows(buffer: Buffer) -> tuple[object, ...]:
    return buffer.shape, buffer.dtype
