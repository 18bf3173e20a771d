"""Cost tables: what a basic block costs, from rows that each name their source."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tinycc_ml.runner.cycles.instruction import BRANCHES, Instruction
from tinycc_ml.runner.cycles.profile import Block

#: Whether a row is about an instruction, given the one before it in its block, if there is one.
Test = Callable[[Instruction, "Instruction | None"], bool]


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        what: Which instructions, in words.
        matches: The same as code.
        cycles: What such an instruction costs, or adds to its cost.
        source: Where that is written, or what it was assumed from.
        example: Assembler, one instruction per ``;``. The row is about the last one.
        example_cycles: What all of the example costs.
    """

    what: str
    matches: Test
    cycles: Callable[[Instruction], int]
    source: str
    example: str
    example_cycles: int


@dataclass(frozen=True, slots=True)
class CostTable:
    """The costs of a core that starts one instruction after the other.

    Attributes:
        core: Its name.
        rows: The first that matches an instruction gives its cost; the last matches all.
        stalls: Every one that matches adds to it.
        refill: What a conditional branch that is taken, or another conditional jump, adds.
    """

    core: str
    rows: tuple[Row, ...]
    stalls: tuple[Row, ...]
    refill: int

    def row(self, code: Instruction, before: Instruction | None) -> Row:
        """The row that gives an instruction's cost."""
        return next(row for row in self.rows if row.matches(code, before))

    def pass_cycles(self, code: Iterable[Instruction]) -> int:
        """Cycles of instructions that run once, one after the other, no condition being met."""
        total, before = 0, None
        for each in code:
            total += self.row(each, before).cycles(each)
            total += sum(s.cycles(each) for s in self.stalls if s.matches(each, before))
            before = each
        return total

    def cycles(self, blocks: Iterable[Block]) -> int:
        """Cycles of all runs of some blocks."""
        total = 0
        for block in blocks:
            total += block.times * self.pass_cycles(block.code)
            if is_conditional(block.code[-1]):
                total += block.left * self.refill
        return total


def is_conditional(code: Instruction) -> bool:
    """Whether an instruction jumps or not, as it comes."""
    return code.name in ("cbz", "cbnz") or (
        bool(code.condition) and (code.name in BRANCHES or code.sets_pc)
    )


def named(*names: str) -> Test:
    """Matches the names."""
    wanted = frozenset(names)
    return lambda code, _: code.name in wanted


def always(code: Instruction, before: Instruction | None) -> bool:
    """Matches everything."""
    return True


def fixed(cycles: int) -> Callable[[Instruction], int]:
    """The same for all."""
    return lambda _: cycles


def words(code: Instruction) -> int:
    """How many words a list of registers moves."""
    return sum(2 if register.startswith("d") else 1 for register in code.listed)


def one_more_than_words(code: Instruction) -> int:
    """``1 + N``."""
    return 1 + words(code)
