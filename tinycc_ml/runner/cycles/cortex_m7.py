"""Cycles of a Cortex-M7: a greedy schedule of two instructions at a time, in order.

Arm publishes no cycle counts for this core. Known (Cortex-M7 TRM, Arm DDI 0489F, chapter 1): it
starts up to two instructions at a time, in order, and its memory interfaces are 64 bits wide. The
rest is assumed: one multiplier, one port for memory and one for branches; the result of a load or
a multiplication is there one cycle later than another's, but an accumulator is passed on without
delay; branches are predicted. Nothing of this was ever compared with a board.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tinycc_ml.runner.cycles.instruction import (
    BRANCHES,
    DIVIDES,
    FLOAT_DIVIDES,
    FLOAT_MULTIPLE,
    LOADS_MULTIPLE,
    MEMORY,
    STORES_MULTIPLE,
    Instruction,
)
from tinycc_ml.runner.cycles.profile import Block
from tinycc_ml.runner.cycles.table import words

_WIDTH = 2
_SLOW_RESULT = 2
_RESULT = 1
_DIVIDE = {**dict.fromkeys(DIVIDES, 6), **dict.fromkeys(FLOAT_DIVIDES, 14)}
_MULTIPLIES = re.compile(r"^(smla|smls|smua|smus|smul|smml|smmul|mla|mls|mul|umull|umlal|umaal)")


def _unit(code: Instruction) -> str:
    """What only one instruction at a time can use; empty if there is nothing like that."""
    if code.name in MEMORY:
        return "memory"
    if code.name in BRANCHES or code.sets_pc:
        return "branch"
    return "multiplier" if _MULTIPLIES.match(code.name) else ""


def _accesses(code: Instruction) -> int:
    """Cycles that the memory port is taken, at 64 bits each."""
    if code.name in LOADS_MULTIPLE | STORES_MULTIPLE | FLOAT_MULTIPLE:
        return max(1, (words(code) + 1) // 2)
    return 1


@dataclass(slots=True)
class _Pipeline:
    cycle: int = 0
    issued: list[str] = field(default_factory=list)
    ready: dict[str, int] = field(default_factory=dict)
    sums: set[str] = field(default_factory=set)

    def issue(self, code: Instruction) -> None:
        unit = _unit(code)
        start = max((self._needed(code, unit, r) for r in code.sources | code.address), default=0)
        if start > self.cycle or len(self.issued) == _WIDTH or (unit and unit in self.issued):
            self.cycle = max(start, self.cycle + 1)
            self.issued = []
        self.issued.append(unit)
        busy = _DIVIDE.get(code.name, 1) + _accesses(code) - 1
        if busy > 1:
            self.cycle += busy - 1
        delay = _SLOW_RESULT if unit in ("memory", "multiplier") else _RESULT
        for register in code.results:
            self.ready[register] = self.cycle + delay
            (self.sums.add if unit == "multiplier" else self.sums.discard)(register)

    def _needed(self, code: Instruction, unit: str, register: str) -> int:
        at = self.ready.get(register, 0)
        operands = [o.strip() for o in code.operands.split(",")]
        is_accumulator = unit == "multiplier" and len(operands) == 4 and operands[3] == register
        return at - 1 if is_accumulator and register in self.sums else at


def block_cycles(code: Iterable[Instruction]) -> int:
    """Cycles of a basic block that starts with nothing under way."""
    pipeline = _Pipeline()
    for each in code:
        pipeline.issue(each)
    return pipeline.cycle + 1


class CortexM7:
    """Prices blocks as a :class:`CostTable` does."""

    core = "cortex-m7"

    def cycles(self, blocks: Iterable[Block]) -> int:
        """Cycles of all runs of some blocks."""
        return sum(block.times * block_cycles(block.code) for block in blocks)
