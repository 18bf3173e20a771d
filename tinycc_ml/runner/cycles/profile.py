"""What ran: the plugin's counts as basic blocks, for each layer of an inference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tinycc_ml.errors import InternalError
from tinycc_ml.runner.cycles.disassembly import Disassembly, Located
from tinycc_ml.runner.cycles.instruction import BRANCHES, Instruction

#: The harness's functions at which counting begins, a layer ends, and counting ends.
OPEN, SPLIT, CLOSE = "tcml_port_clock_start", "tcml_layer_done", "tcml_port_clock_stop"
# What runs between these marks in a quiet run and is not the model's own.
_HARNESS = frozenset((OPEN, SPLIT, CLOSE, "tcml_stack_measure_run", "extend"))


@dataclass(frozen=True, slots=True)
class Counted:
    """A translation block.

    Attributes:
        start: Address of its first instruction.
        instructions: How many it has.
        times: How often it ran.
        left: How often something else than the instruction after its last one came next.
    """

    start: int
    instructions: int
    times: int
    left: int


@dataclass(frozen=True, slots=True)
class Block:
    """A basic block: instructions that only run one after the other.

    Attributes:
        code: The instructions.
        times: How often it ran.
        left: How often something else than the next instruction came after it.
    """

    code: tuple[Instruction, ...]
    times: int
    left: int


def read_counts(text: str) -> list[list[list[Counted]]]:
    """The plugin's output: for each complete stretch from open to close, its phases.

    The last phase of a stretch is what came after the last split.

    Raises:
        InternalError: If a line is none of the plugin's.
    """
    stretches: list[list[list[Counted]]] = []
    phases: list[list[Counted]] = []
    blocks: list[Counted] = []
    for line in text.splitlines():
        words = line.split()
        if words == ["open"]:
            phases, blocks = [], []
        elif words in (["split"], ["close"]):
            phases.append(blocks)
            blocks = []
            if words == ["close"]:
                stretches.append(phases)
                phases = []
        elif len(words) == 4:
            start, *numbers = words
            blocks.append(Counted(int(start, 16), *map(int, numbers)))
        else:
            raise InternalError(f"block counts: this is no line of the plugin's: {line!r}")
    return stretches


def inference(
    stretches: Iterable[list[list[Counted]]], layer_count: int
) -> list[list[Counted]] | None:
    """The phases of the first quiet inference: one for each layer, and what comes after the last.

    Only a quiet inference has all its layers between one start of the clock and one stop.
    """
    return next((s for s in stretches if len(s) == layer_count + 1), None)


def basic_blocks(counted: Iterable[Counted], program: Disassembly) -> list[Block]:
    """Basic blocks from translation blocks.

    QEMU's blocks overlap, and where it cuts long ones depends on when it was interrupted. Which
    instruction ran how often, and where a jump arrived, does not: so the blocks are cut anew,
    before every instruction that was jumped to and after every one that was left.

    Args:
        counted: What ran in one phase; the harness's own functions are dropped.
        program: The code.

    Raises:
        InternalError: If an address holds no code.
    """
    own = [c for c in counted if _at(program, c.start).function not in _HARNESS]
    times: Counter[int] = Counter()
    arrived: Counter[int] = Counter()
    left: Counter[int] = Counter()
    for block in own:
        last = address = block.start
        for _ in range(block.instructions):
            times[address] += block.times
            last = address
            address += _at(program, address).size_bytes
        left[last] += block.left
        arrived[block.start] += block.times
        arrived[address] -= block.times - block.left
    return _cut(times, arrived, left, program)


def _cut(
    times: Mapping[int, int], arrived: Mapping[int, int], left: Mapping[int, int],
    program: Disassembly,
) -> list[Block]:  # fmt: skip
    result: list[Block] = []
    run: list[Located] = []

    def finish() -> None:
        if run:
            code = tuple(located.instruction for located in run)
            result.append(Block(code, times[run[0].address], left.get(run[-1].address, 0)))
            run.clear()

    for address in sorted(a for a, n in times.items() if n):
        located = program.code[address]
        follows = bool(run) and run[-1].address + run[-1].size_bytes == address
        if not follows or arrived.get(address, 0) > 0:
            finish()
        run.append(located)
        if left.get(address, 0) or located.instruction.name in BRANCHES:
            finish()
    finish()
    return result


def _at(program: Disassembly, address: int) -> Located:
    if address not in program.code:
        raise InternalError(f"block counts: no instruction at {address:#x}")
    return program.code[address]
