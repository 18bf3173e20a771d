"""Reorders a tile's assembly for a core that starts two instructions at a time, in order.

A Cortex-M7 has one multiplier and one port for memory; a load or a widening can start in the same
cycle as a multiplication, if neither needs what the other gives. The tiles of this package are
written for the Cortex-M4, where loads are cheapest side by side: then nothing goes with them. This
pass takes each piece of straight code between labels and branches, and lists its instructions
anew, the longest way to the end first, as the model below starts them. Registers stay what they
are, so that what each instruction computes stays too; loads may pass each other, but nothing in
memory passes a store.

Model: Arm publishes no cycle counts for this core. Two instructions a cycle in order, 64 bits of
memory a cycle (Cortex-M7 TRM, Arm DDI 0489F, chapter 1); assumed: results of loads and products are
there a cycle later than others, but an accumulator is passed on without delay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ALU = frozenset(
    (
        *("add", "sub", "mov", "mvn", "movw", "movt", "lsl", "lsr", "asr", "eor", "orr", "and"),
        *("sxtb", "sxth", "sxtb16", "uxtb16", "sadd16", "ssub16", "pkhbt", "pkhtb", "ssat", "usat"),
        *("ssat16", "usat16", "rsb", "cmp"),
    )
)
_MULTIPLY = re.compile(r"(smla|smua|smul|smml|smmul|mla|mls|mul)[a-z]*$")
_LOADS = frozenset(("ldr", "ldrb", "ldrh", "ldrsb", "ldrsh", "ldrd", "ldm"))
_STORES = frozenset(("str", "strb", "strh", "strd", "stm"))
_REGISTER = re.compile(r"\b(r\d+|sp|lr)\b")
_RANGE = re.compile(r"\br(\d+)-r(\d+)\b")
_MEMORY, _MULTIPLIER = "memory", "multiplier"
_SLOW, _FAST = 2, 1
_WIDTH = 2
_PORT_WORDS = 2


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the order of instructions depends on.

    Attributes:
        text: The line.
        reads: Registers, and ``flags``.
        writes: Registers, and ``flags``.
        accumulator: The register that a multiplication adds to.
        unit: What only one instruction a cycle can use; empty if there is nothing like that.
        is_store: Whether it writes memory.
        cycles: For how many cycles nothing else starts, one included.
    """

    text: str
    reads: frozenset[str]
    writes: frozenset[str]
    accumulator: str
    unit: str
    is_store: bool
    cycles: int

    @property
    def latency(self) -> int:
        """Cycles until its results are there."""
        return _SLOW if self.unit else _FAST


def parse(line: str) -> Instruction | None:
    """An instruction that may change places; ``None`` for anything else: a label, a branch, ..."""
    name, _, operands = line.strip().partition(" ")
    if name in _LOADS | _STORES:
        return _access(line, name, operands)
    is_product = bool(_MULTIPLY.match(name))
    if not (is_product or name in _ALU):
        return None
    registers = _REGISTER.findall(operands)
    if name == "cmp":
        return Instruction(line, frozenset(registers), frozenset({"flags"}), "", "", False, 1)
    # MOVT keeps the low half.
    reads = registers if name == "movt" else registers[1:]
    accumulator = registers[3] if is_product and len(registers) == 4 else ""
    unit = _MULTIPLIER if is_product else ""
    writes = frozenset(registers[:1])
    return Instruction(line, frozenset(reads), writes, accumulator, unit, False, 1)


def _access(line: str, name: str, operands: str) -> Instruction:
    if name in ("ldm", "stm"):
        base, _, rest = operands.partition(",")
        data = _registers(rest)
        address = [base.strip().rstrip("!")]
        moved = address if "!" in base else []
    else:
        before, _, after = operands.partition("[")
        inside, _, behind = after.partition("]")
        data, address = _registers(before), _registers(inside)
        moved = address[:1] if behind.strip() else []
    is_store = name in _STORES
    return Instruction(
        line,
        frozenset((*address, *(data if is_store else ()))),
        frozenset((*moved, *(() if is_store else data))),
        "",
        _MEMORY,
        is_store,
        -(-len(data) // _PORT_WORDS),
    )


def _registers(text: str) -> list[str]:
    spelled = _RANGE.sub(
        lambda m: ", ".join(f"r{i}" for i in range(int(m[1]), int(m[2]) + 1)), text
    )
    return _REGISTER.findall(spelled)


def interleave(lines: Sequence[str]) -> tuple[str, ...]:
    """The lines in an order in which more of them start together.

    Comments stay where a piece starts; inside one they would name what has moved.
    """
    return tuple(_pieces(lines))


def _pieces(lines: Sequence[str]) -> Iterator[str]:
    piece: list[Instruction] = []
    for line in lines:
        if line.strip().startswith("@"):
            if not piece:
                yield line
            continue
        instruction = parse(line)
        if instruction is not None:
            piece.append(instruction)
            continue
        yield from _ordered(piece)
        piece = []
        yield line
    yield from _ordered(piece)


def _ordered(piece: Sequence[Instruction]) -> list[str]:
    """The texts of a piece, in the order in which a greedy in-order core would start them."""
    followers = _dependences(piece)
    height = [0] * len(piece)
    for i in reversed(range(len(piece))):
        height[i] = max((delay + height[j] for j, delay in followers[i].items()), default=0)
    missing = [0] * len(piece)
    for edges in followers:
        for j in edges:
            missing[j] += 1
    earliest = [0] * len(piece)
    ready = {i for i, count in enumerate(missing) if not count}
    order: list[str] = []
    cycle, used = 0, [""] * 0
    while ready:
        now = [i for i in ready if earliest[i] <= cycle and piece[i].unit not in filter(None, used)]
        if not now or len(used) == _WIDTH:
            cycle, used = cycle + 1, []
            continue
        chosen = min(now, key=lambda i: (-height[i], i))
        ready.remove(chosen)
        order.append(piece[chosen].text)
        used.append(piece[chosen].unit)
        cycle += piece[chosen].cycles - 1
        for j, delay in followers[chosen].items():
            earliest[j] = max(earliest[j], cycle + delay)
            missing[j] -= 1
            if not missing[j]:
                ready.add(j)
    return order


def _dependences(piece: Sequence[Instruction]) -> list[dict[int, int]]:
    """For each instruction: which later ones must follow it, and after how many cycles."""
    followers: list[dict[int, int]] = [{} for _ in piece]
    writer: dict[str, int] = {}
    readers: dict[str, list[int]] = {}
    accesses: list[int] = []

    def follow(first: int, second: int, delay: int) -> None:
        followers[first][second] = max(delay, followers[first].get(second, 0))

    for j, new in enumerate(piece):
        for register in new.reads & writer.keys():
            old = piece[writer[register]]
            passed_on = register == new.accumulator and old.unit == _MULTIPLIER
            follow(writer[register], j, _FAST if passed_on else old.latency)
        for register in new.writes:
            for i in readers.get(register, ()):
                follow(i, j, 0)
            if register in writer:
                follow(writer[register], j, 1)
        if new.unit == _MEMORY:
            for i in accesses:
                if new.is_store or piece[i].is_store:
                    follow(i, j, 0)
            accesses.append(j)
        for register in new.reads:
            readers.setdefault(register, []).append(j)
        for register in new.writes:
            writer[register], readers[register] = j, []
    return followers
