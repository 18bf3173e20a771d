"""The layers of a group, and what the group as a whole reads, writes and keeps."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass

from tinycc_ml.kernels.rows.base import RowLoops
from tinycc_ml.kernels.rows.timing import RowLayer, Timing, rows_in_order
from tinycc_ml.loopir import Buffer, Role
from tinycc_ml.ops import Access, Spans

#: The scratch of a layer that adds up rows.
SUMS = "sums"


@dataclass(frozen=True, slots=True)
class Member:
    """A layer of a group.

    Attributes:
        layer: Its name.
        label: A short name for what belongs to it in the fused kernel, unique in the group.
        definition: Name of its row kernel.
        loops: What the row kernel has built.
        inputs: Values that it reads, in the order of `loops.reads`.
        output: The value that it writes.
    """

    layer: str
    label: str
    definition: str
    loops: RowLoops
    inputs: tuple[str, ...]
    output: str

    def timed(self) -> RowLayer:
        """The layer as timing sees it."""
        reads = tuple(reads for _, reads in self.loops.reads)
        row_bytes = self.result.shape[1] * self.result.dtype.size_bytes
        inputs = tuple(zip(self.inputs, reads, strict=True))
        loops = self.loops
        return RowLayer(self.layer, inputs, self.output, loops.turns, row_bytes, loops.block)

    @property
    def result(self) -> Buffer:
        """The parameter that it writes."""
        return next(b for b in self.loops.buffers if b.role is Role.OUTPUT)


def group_inputs(members: Sequence[Member]) -> tuple[str, ...]:
    """The values that a group reads and does not write, in order of their first use."""
    written = {member.output for member in members}
    read = (name for member in members for name in member.inputs)
    return tuple(dict.fromkeys(name for name in read if name not in written))


def input_names(members: Sequence[Member]) -> dict[str, str]:
    """The parameters of a group's kernel by the values that they hold."""
    values = group_inputs(members)
    return {value: f"input{i}" if len(values) > 1 else "input" for i, value in enumerate(values)}


def group_access(members: Sequence[Member], timing: Timing) -> Access:
    """Which elements of a group's inputs each turn of its last layer needs."""
    last = members[-1]
    output = last.result
    turns = 1 if last.loops.is_sum else last.loops.turns
    spans = {name: [(0, 0)] * turns for name in group_inputs(members)}
    turn = 0
    for index, own in rows_in_order([member.timed() for member in members], timing):
        for value, span in _reads(members[index], own):
            if value in spans:
                spans[value][turn] = _union(spans[value][turn], span)
        if index == len(members) - 1 and not last.loops.is_sum:
            turn = min(own + 1, turns - 1)
    reads_directly = any(name in spans for name in last.inputs)
    return Access(
        output.elements // turns,
        tuple((role, Spans(tuple(spans[name]))) for name, role in input_names(members).items()),
        # Rows, or the sums, are written when all has been read that it takes.
        reads_first=last.loops.is_sum or last.loops.reads_first or not reads_directly,
    )


def held_bytes(
    members: Sequence[Member], timing: Timing, in_place: Container[str]
) -> tuple[int, ...]:
    """Sizes of the rings and sums of a group; values `in_place` have no ring."""
    rings = [
        timing.ring_rows[member.output] * member.timed().row_bytes
        for member in members[:-1]
        if member.output not in in_place
    ]
    sums = [b for member in members for b in member.loops.buffers if b.name == SUMS]
    return (*rings, *(b.elements * b.dtype.size_bytes for b in sums))


def scratch_bytes(members: Sequence[Member]) -> tuple[int, ...]:
    """Sizes of a group's other scratch: layers take turns with what is alike."""
    sizes: dict[str, int] = {}
    for member in members:
        for name, buffer in shared_scratch(member):
            size_bytes = buffer.elements * buffer.dtype.size_bytes
            sizes[name] = max(sizes.get(name, 0), size_bytes)
    return tuple(sizes.values())


def shared_scratch(member: Member) -> Iterator[tuple[str, Buffer]]:
    """A member's scratch but for sums, each under the name of what it shares with other members.

    Only elements of one type share, as C wants it; a layer's own are apart from each other.
    """
    count: dict[str, int] = {}
    for buffer in member.loops.buffers:
        if buffer.role is Role.SCRATCH and buffer.name != SUMS:
            dtype = buffer.dtype.value
            yield f"scratch_{dtype}_{count.get(dtype, 0)}", buffer
            count[dtype] = count.get(dtype, 0) + 1


def _reads(member: Member, turn: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The elements of its inputs that a turn of a member reads."""
    for (role, reads), value in zip(member.loops.reads, member.inputs, strict=True):
        rows, row_elements = next(b.shape for b in member.loops.buffers if b.name == role)
        first = max(turn * reads.stride - reads.padding, 0)
        end = min(turn * reads.stride - reads.padding + reads.span, rows)
        if first < end:
            yield value, (first * row_elements, end * row_elements)


def _union(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    if one[0] == one[1]:
        return other
    return min(one[0], other[0]), max(one[1], other[1])
