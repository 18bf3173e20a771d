"""Fuses the row loops of consecutive layers into one kernel.

The kernel's scratch is what lies between the layers: a ring of rows for each value, the sums of a
mean, and the scratch that the layers themselves ask for. Layers take turns, so scratch of one
element type is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from tinycc_ml.kernels.base import Kernel
from tinycc_ml.kernels.rows.accesses import redirect
from tinycc_ml.kernels.rows.base import ROW
from tinycc_ml.kernels.rows.in_place import values_in_place
from tinycc_ml.kernels.rows.member import (
    SUMS,
    Member,
    group_access,
    input_names,
    shared_scratch,
)
from tinycc_ml.kernels.rows.timing import Timing
from tinycc_ml.loopir import (
    Affine,
    Buffer,
    Condition,
    For,
    If,
    LoopKernel,
    Role,
    Stmt,
    affine,
    verify_kernel,
)
from tinycc_ml.loopir import build as b
from tinycc_ml.loopir.c_indices import TICK
from tinycc_ml.loopir.walk import Body, defined_names, rename, substitute


def fuse_rows(members: Sequence[Member], timing: Timing, *, by_turn: bool = False) -> Kernel:
    """The kernel of a group.

    Args:
        members: Layers in execution order.
        timing: Of those layers.
        by_turn: Whether nothing may stand between the loops, nor before and behind them, so that
            the kernel can be run turn by turn.

    Returns:
        Its parameters are the group's inputs, the constants of each member, the last member's
        output, and the scratch; :func:`is_held` tells which scratch holds activations.
    """
    loops = verify_kernel(_Fusion(members, timing).kernel(by_turn=by_turn))
    names = ", ".join(dict.fromkeys(member.definition for member in members))
    return Kernel(f"rows({names})", (), loops, group_access(members, timing))


def is_held(scratch: str) -> bool:
    """Whether a scratch parameter of a group holds activations: a ring, or the sums of a mean."""
    return scratch.startswith(("ring_", f"{SUMS}_"))


class _Fusion:
    def __init__(self, members: Sequence[Member], timing: Timing) -> None:
        self.members = members
        self.timing = timing
        self.inputs = input_names(members)
        self.in_place = values_in_place(members, timing)
        self.buffers: dict[str, Buffer] = {}

    def kernel(self, *, by_turn: bool) -> LoopKernel:
        bodies = [self.member(member) for member in self.members]
        before = tuple(s for first, _, _ in bodies for s in first)
        after = tuple(s for _, _, last in bodies for s in last)
        rows = [row for _, row, _ in bodies]
        if by_turn:
            body = self.nest(before, rows, after)
        else:
            ticks = self.turn(0, affine(TICK), rows)
            body = (*before, For(TICK, self.timing.ticks, ticks), *after)
        order = (Role.INPUT, Role.CONSTANT, Role.OUTPUT, Role.SCRATCH)
        buffers = sorted(self.buffers.values(), key=lambda buffer: order.index(buffer.role))
        return LoopKernel("rows", tuple(buffers), body)

    def nest(self, before: Body, rows: Sequence[Body], after: Body) -> tuple[Stmt, ...]:
        """Loops with nothing between them: what runs less often does so under conditions."""
        rates = self.timing.rates
        variables = [TICK, *(f"{TICK}_{rate}" for rate in rates[1:])]
        extents = [self.timing.ticks, *(high // low for low, high in pairwise(rates))]
        ticks = [affine(TICK)]
        for variable, extent in zip(variables[1:], extents[1:], strict=True):
            ticks.append(ticks[-1] * extent + variable)

        def at_ends(level: int, *, first: bool) -> tuple[Condition, ...]:
            """The first or last turn of the loops from a level on."""
            ends = [0 if first else extent - 1 for extent in extents]
            loops = list(zip(variables, ends, strict=True))[level:]
            return tuple(Condition(affine(name), end, end + 1) for name, end in loops)

        levels = range(len(rates))
        body: list[Stmt] = [If(at_ends(0, first=True), before)] if before else []
        for level in levels:
            within = at_ends(level + 1, first=True)
            body += self.steps(level, ticks[level], rows, early=True, within=within)
        for level in reversed(levels):
            within = at_ends(level + 1, first=False)
            body += self.steps(level, ticks[level], rows, early=False, within=within)
        body += [If(at_ends(0, first=False), after)] if after else []
        return b.nest(list(zip(variables, extents, strict=True)), *body)

    def turn(self, level: int, tick: Affine, rows: Sequence[Body]) -> tuple[Stmt, ...]:
        """A turn of the loop of a rate, with the faster loops inside."""
        inner: tuple[Stmt, ...] = ()
        if level + 1 < len(self.timing.rates):
            factor = self.timing.rates[level + 1] // self.timing.rates[level]
            variable = f"{TICK}_{self.timing.rates[level + 1]}"
            body = self.turn(level + 1, tick * factor + variable, rows)
            inner = (For(variable, factor, body),)
        early, late = (self.steps(level, tick, rows, early=early) for early in (True, False))
        return (*early, *inner, *late)

    def steps(
        self,
        level: int,
        tick: Affine,
        rows: Sequence[Body],
        *,
        early: bool,
        within: tuple[Condition, ...] = (),
    ) -> tuple[Stmt, ...]:
        """The layers of one rate that run there, each for its row of this tick."""
        steps: list[Stmt] = []
        for member, slot, body in zip(self.members, self.timing.slots, rows, strict=True):
            if (slot.rate, slot.early) == (self.timing.rates[level], early):
                row = tick + slot.shift
                conditions = (*within, Condition(row, 0, member.loops.turns))
                steps.append(
                    If(conditions, substitute(body, _row_of(member), row), self.comment(member))
                )
        return tuple(steps)

    def comment(self, member: Member) -> str:
        """What a step computes, and where its row goes."""
        value, block = self.in_place.get(member.output, member.output), member.loops.block
        kept = self.timing.ring_rows.get(value)
        rows = member.result.shape[0]
        if kept is None:
            what = f"{block} rows" if block > 1 else "row"
            what = "adds its input row" if member.loops.is_sum else f"{what} of the output"
        elif kept == rows:
            what = f"all {kept} rows are kept"
        else:
            what = f"{kept} of {rows} rows are kept, row r in slot r % {kept}"
            what = what if kept > 1 else f"1 of {rows} rows is kept"
        if kept is not None and block > 1:
            what = f"{block} rows at a time, {what}"
        if member.output in self.in_place:
            what += "; the next layer writes over it"
        return f"{member.layer}: {what}."

    def member(self, member: Member) -> tuple[Body, Body, Body]:
        """A member's statements before, in and behind the loop, on the group's buffers."""
        loops = member.loops
        names: dict[str, str] = {}
        shapes: dict[str, Buffer] = {own.name: own for own in loops.buffers}
        values = dict(zip((role for role, _ in loops.reads), member.inputs, strict=True))
        for buffer in loops.buffers:
            names[buffer.name] = self.bind(member, buffer, values.get(buffer.name))

        def to(name: str, indices: tuple[Affine, ...]) -> tuple[str, tuple[Affine, ...]]:
            if names[name].startswith("scratch_") and indices:
                return names[name], (shapes[name].flatten(indices),)
            return names[name], indices

        every = (*loops.before, *loops.row, *loops.after)
        own = {name: f"{name}_{member.label}" for name in (*defined_names(every), ROW)}
        before, row, after = (
            rename(redirect(body, to), own) for body in (loops.before, loops.row, loops.after)
        )
        return before, row, after

    def bind(self, member: Member, buffer: Buffer, value: str | None) -> str:
        """The group's buffer for one of a member's."""
        if buffer.role is Role.CONSTANT:
            return self.add(replace(buffer, name=f"{buffer.name}_{member.label}"))
        if buffer.role is Role.SCRATCH:
            return self.scratch(member, buffer)
        value = member.output if value is None else value
        if value in self.inputs:
            return self.add(replace(buffer, name=self.inputs[value]))
        value = self.in_place.get(value, value)
        if value == self.members[-1].output:
            return self.add(replace(buffer, name="output", role=Role.OUTPUT))
        producer = next(m for m in self.members if m.output == value)
        kept = self.timing.ring_rows[value]
        name = f"ring_{producer.label}"
        return self.add(replace(buffer, name=name, role=Role.SCRATCH, ring_rows=kept))

    def scratch(self, member: Member, buffer: Buffer) -> str:
        """Sums stay; what shares a buffer with others' scratch makes it as large as it needs."""
        if buffer.name == SUMS:
            return self.add(replace(buffer, name=f"{SUMS}_{member.label}"))
        name = next(name for name, own in shared_scratch(member) if own == buffer)
        known = self.buffers.get(name)
        elements = max(buffer.elements, known.elements if known else 0)
        self.buffers[name] = Buffer(name, buffer.dtype, (elements,), Role.SCRATCH)
        return name

    def add(self, buffer: Buffer) -> str:
        known = self.buffers.setdefault(buffer.name, buffer)
        assert known == buffer  # all members see a value with the same rows
        return buffer.name


def _row_of(member: Member) -> str:
    return f"{ROW}_{member.label}"
