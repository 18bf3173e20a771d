"""What generators of assembly have in common: lines of text, and short sequences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

#: The offset of a load, and the number in an addition, are in 0 ... 4095.
OFFSET_LIMIT = 4095


@dataclass
class Text:
    """Lines of a naked function."""

    lines: list[str] = field(default_factory=list)

    def add(self, *instructions: str) -> None:
        """Appends instructions."""
        self.extend(instructions)

    def extend(self, instructions: Iterable[str]) -> None:
        """Appends instructions."""
        self.lines += [f"  {instruction}" for instruction in instructions]

    def note(self, text: str) -> None:
        """Appends a comment."""
        self.lines.append(f"  @ {text}")

    def label(self, number: int, text: str) -> None:
        """Appends a local label with a comment."""
        self.lines.append(f"{number}:  @ {text}")


def advance(target: str, source: str, distance: int, spare: str) -> Iterator[str]:
    """``target = source + distance``; the spare register is lost where the distance is large."""
    size, operation = abs(distance), "add" if distance > 0 else "sub"
    if 0 < size <= OFFSET_LIMIT:
        yield f"{operation} {target}, {source}, #{size}"
    elif size:
        yield from constant(spare, size)
        yield f"{operation} {target}, {source}, {spare}"
    elif target != source:
        yield f"mov {target}, {source}"


def constant(target: str, value: int) -> Iterator[str]:
    """``target = value``, of 32 bits."""
    yield f"movw {target}, #{value & 0xFFFF}"
    if value >> 16:
        yield f"movt {target}, #{value >> 16 & 0xFFFF}"


def clamp(register: str, low: int, high: int) -> Iterator[str]:
    """Saturates to int8, and where that is not enough to ``low ... high``."""
    yield f"ssat {register}, #8, {register}"
    at = 0
    # x & ~(x >> 31) is max(x, 0), x & (x >> 31) is min(x, 0).
    for bound, instruction, is_set in ((low, "bic", low > -128), (high, "and", high < 127)):
        if is_set:
            yield from advance(register, register, at - bound, register)
            yield f"{instruction} {register}, {register}, {register}, asr #31"
            at = bound
    yield from advance(register, register, at, register)


def unrolled(steps: int, limit: int) -> tuple[int, int, int]:
    """Steps in the loop's body, turns of the loop, steps behind it."""
    if steps <= limit:
        return steps, 1, 0
    for unroll in range(limit, limit // 2 - 1, -1):
        if steps % unroll == 0:
            return unroll, steps // unroll, 0
    turns = -(-steps // (2 * limit // 3))
    return steps // turns, turns, steps % turns
