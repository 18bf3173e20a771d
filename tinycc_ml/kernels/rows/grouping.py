"""Puts groups into a program: the calls of their layers become one call each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

from tinycc_ml.errors import InternalError
from tinycc_ml.graph import Constant
from tinycc_ml.kernels.base import Kernel
from tinycc_ml.kernels.program import Call, GroupedLayer, Program
from tinycc_ml.kernels.rows.base import RowKernel, RowLoops
from tinycc_ml.kernels.rows.fuse import fuse_rows, is_held
from tinycc_ml.kernels.rows.member import Member, group_inputs
from tinycc_ml.kernels.rows.pushed import timed_group
from tinycc_ml.kernels.rows.staged import COPY_CYCLES, staged
from tinycc_ml.kernels.rows.timing import RowLayer
from tinycc_ml.loopir import Role
from tinycc_ml.ops import Layer


@dataclass(frozen=True, eq=False)
class RowLayerChoice:
    """A layer, and the row kernel that computes it in a group; compared by identity.

    Attributes:
        layer: The layer.
        kernel: The row kernel.
        loops: What the row kernel has built.
        extra_cycles: Estimated, beyond those of the row kernel.
    """

    layer: Layer
    kernel: RowKernel
    loops: RowLoops
    extra_cycles: int = 0

    @cached_property
    def member(self) -> Member:
        """The layer as a member of a group."""
        layer = self.layer
        label = layer.name.split("_")[0].removeprefix("n")
        return Member(
            layer.name, label, self.kernel.name, self.loops, layer.inputs, layer.outputs[0]
        )

    @cached_property
    def timed(self) -> RowLayer:
        """The layer as timing sees it."""
        return self.member.timed()

    @cached_property
    def cycles(self) -> int:
        """Estimate for all rows."""
        return self.kernel.cycles(self.layer.workload) + self.extra_cycles

    def alone(self) -> RowLayerChoice:
        """The layer as a group of its own, which writes rows when they are complete."""
        loops = staged(self.loops)
        if loops == self.loops:
            return self
        copied = sum(b.elements for b in loops.buffers if b.role is Role.OUTPUT)
        return replace(self, loops=loops, extra_cycles=COPY_CYCLES * copied)


def with_groups(
    program: Program, groups: Sequence[Sequence[RowLayerChoice]], pushed: Set[str] = frozenset()
) -> Program:
    """The program with groups.

    Args:
        program: With one call for each layer.
        groups: Consecutive layers each.
        pushed: The values whose rows the application pushes.

    Raises:
        InternalError: If the layers of a group cannot run row by row.
    """
    grouping = _Grouping(program, pushed)
    by_layer = {choice.layer.name: tuple(group) for group in groups for choice in group}
    for call in program.calls:
        group = by_layer.get(call.layer)
        if group is None:
            grouping.keep(call)
        elif call.layer == group[-1].layer.name:
            grouping.add(group)
    return grouping.result()


def _told_apart(members: Sequence[Member]) -> list[Member]:
    """The members, by their whole names where several come from one operator of the file."""
    times = Counter(member.label for member in members)
    return [m if times[m.label] == 1 else replace(m, label=m.layer) for m in members]


class _Grouping:
    """Collects calls and what they need, each function and each array once."""

    def __init__(self, program: Program, pushed: Set[str]) -> None:
        self.program = program
        self.pushed = pushed
        self.names = {_key(c): name for name, c in program.constants.items()}
        self.constants: dict[str, Constant] = {}
        self.functions: dict[Kernel, int] = {}
        self.calls: list[Call] = []

    def keep(self, call: Call) -> None:
        kernel = self.program.functions[call.function]
        for name in (*call.inputs, *call.constants):
            if name in self.program.constants:
                self.constants[name] = self.program.constants[name]
        self.calls.append(replace(call, function=self.function(kernel)))

    def add(self, group: Sequence[RowLayerChoice]) -> None:
        first, last = group[0].layer, group[-1].layer
        timed = timed_group(_told_apart([choice.member for choice in group]), self.pushed)
        if isinstance(timed, str):
            raise InternalError(f"{first.name} to {last.name}: {timed}")
        members = timed.members
        kernel = fuse_rows(members, timed.timing, by_turn=timed.pushed is not None)
        layers = tuple(self.grouped(choice) for choice in group)
        name = last.name
        if len(group) > 1:
            name = f"{first.name.split('_')[0]}_to_{last.name}"
        scratch = [b for b in kernel.loops.buffers if b.role is Role.SCRATCH]
        self.calls.append(
            Call(
                name,
                "rows" if len(group) > 1 else last.workload.op,
                self.function(kernel),
                group_inputs(members),
                tuple(constant for layer in layers for constant in layer.constants),
                last.outputs,
                tuple((f"{name}_{b.name}", b.elements * b.dtype.size_bytes) for b in scratch),
                sum(layer.macs for layer in layers),
                last.origin,
                layers,
                frozenset(f"{name}_{b.name}" for b in scratch if is_held(b.name)),
                sum(choice.cycles for choice in group),
                pushed=timed.pushed,
            )
        )

    def grouped(self, choice: RowLayerChoice) -> GroupedLayer:
        layer = choice.layer
        packed = choice.kernel.pack(layer.workload, layer.constants)
        parameters = [b for b in choice.loops.buffers if b.role is Role.CONSTANT]
        names = tuple(
            self.constant(f"{layer.name}_{buffer.name}", constant)
            for buffer, constant in zip(parameters, packed, strict=True)
        )
        return GroupedLayer(
            layer.name, layer.workload.op, choice.kernel.name, names, layer.macs, layer.origin
        )

    def constant(self, name: str, constant: Constant) -> str:
        known = self.names.setdefault(_key(constant), name)
        self.constants[known] = constant
        return known

    def function(self, kernel: Kernel) -> int:
        return self.functions.setdefault(kernel, len(self.functions))

    def result(self) -> Program:
        program = self.program
        used = {name for call in self.calls for name in (*call.inputs, *call.outputs)}
        used |= {name for pair in program.aliases for name in pair}
        used |= {*program.inputs, *program.outputs}
        used |= {name for state in program.states for name in (state.value, state.next)}
        initial = [state.initial for state in program.states]
        kept = {name: c for name, c in program.constants.items() if c in initial}
        return replace(
            program,
            functions=tuple(self.functions),
            calls=tuple(self.calls),
            types={name: type_ for name, type_ in program.types.items() if name in used},
            constants={**self.constants, **kept},
        )


def _key(constant: Constant) -> tuple[str, int]:
    return constant.digest, constant.array.nbytes
