"""Hand-written code for the tests of the cost tables."""

from __future__ import annotations

from tinycc_ml.runner.cycles.instruction import Instruction, parse
from tinycc_ml.runner.cycles.profile import Block


def code(text: str) -> tuple[Instruction, ...]:
    """``code("ldr r0, [r1]; bx lr")``."""
    lines = [line.strip() for line in text.split(";")]
    return tuple(parse(*(*line.split(maxsplit=1), "")[:2]) for line in lines)


def block(text: str, times: int = 1, left: int = 0) -> Block:
    """The code as a basic block."""
    return Block(code(text), times, left)
