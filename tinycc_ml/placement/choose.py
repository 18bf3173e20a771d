"""Chooses what leaves the flash: all, nothing, or what saves most cycles for its bytes of RAM."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tinycc_ml.kernels import Program, code_bytes
from tinycc_ml.placement.placement import Placement
from tinycc_ml.placement.stalls import FlashCost, flash_cost
from tinycc_ml.placement.traffic import bytes_read
from tinycc_ml.targets import (
    Board,
    Region,
    arena_region,
    code_region,
    data_block,
    data_regions,
    features,
)

#: Where code or constants are during an inference; ``auto``: by cost.
Where = Literal["flash", "ram", "auto"]

# Measured on the kernels of a Cortex-M4: 1.10 to 1.19 cycles for an instruction, most of 4 bytes.
# Without Thumb-2 instructions have 2 bytes, and take about as long.
_BYTES_PER_CYCLE = 3.5
_BYTES_PER_CYCLE_THUMB1 = 1.6
#: What saves less than this part of all stalls is not worth its RAM.
_LEAST_SHARE = 0.005
#: The part of a memory that the application and the stack keep: one in so many.
_KEPT_PART = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Function:
    """The code of a function: sizes of its own part and of each intrinsic, and what it costs."""

    index: int
    own_bytes: int
    intrinsics: Mapping[str, int]
    stalls: int


def data_bytes(placement: Placement, board: Board, arena_bytes: int) -> int:
    """What arena, copied constants and copied code take of the board's largest run of data RAM."""
    block = data_block(board)
    arena = arena_region(board, arena_bytes)
    total = placement.constant_bytes
    total += arena_bytes if arena is None or block.holds(arena) else 0
    return total + (placement.code_bytes if code_region(board) == block else 0)


def place(
    program: Program, board: Board, arena_bytes: int, hot_code: Where, weights: Where
) -> Placement:
    """What is copied to RAM at start-up.

    ``auto`` weighs the stalls that the board's flash causes against the RAM that is left beside
    the arena and an eighth for the application; without wait states nothing moves.

    Args:
        program: The program, its calls with their estimated cycles.
        board: The board: flash, caches, memories.
        arena_bytes: Size of the arena.
        hot_code: Where kernels run.
        weights: Where constants lie.
    """
    chosen = _Chosen(program)
    functions = list(_functions(program, board))
    reads = _constant_reads(program)
    if hot_code == "ram":
        for function in functions:
            chosen.add(function)
    if weights == "ram":
        for name in program.constants:
            chosen.add(name)
    if not board.is_host and "auto" in (hot_code, weights):
        cost = flash_cost(board)
        offers: dict[_Function | str, int] = {}
        if hot_code == "auto":
            offers |= {function: function.stalls for function in functions}
        if weights == "auto":
            offers |= {n: _constant_stalls(program, cost, n, reads[n]) for n in program.constants}
        _fill(chosen, offers, board, arena_bytes)
    return replace(
        chosen.placement(),
        code_memory=code_region(board).name if chosen.functions else "",
        arena_memory=arena_memory(board, arena_bytes),
    )


def _fill(
    chosen: _Chosen, offers: Mapping[_Function | str, int], board: Board, arena_bytes: int
) -> None:
    """Adds what saves most for its size, as long as it fits."""
    total = sum(offers.values())
    left = {o: gain for o, gain in offers.items() if gain > _LEAST_SHARE * total}
    while left:
        room = _room(chosen.placement(), board, arena_bytes)
        fitting = {
            offer: gain / max(chosen.size(offer), 1)
            for offer, gain in left.items()
            if chosen.size(offer) <= room[isinstance(offer, str)]
        }
        if not fitting:
            return
        best = max(fitting, key=lambda offer: fitting[offer])
        chosen.add(best)
        del left[best]


def _room(placement: Placement, board: Board, arena_bytes: int) -> tuple[int, int]:
    """Bytes left for code, and for constants."""
    block, code = data_block(board), code_region(board)
    data_left = _usable(block) - data_bytes(placement, board, arena_bytes)
    code_left = data_left if code == block else _usable(code) - placement.code_bytes
    return code_left, data_left


def _usable(region: Region) -> int:
    return region.size_bytes // _KEPT_PART * (_KEPT_PART - 1)


class _Chosen:
    """What was chosen so far; intrinsics that several functions call are counted once."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.functions: list[_Function] = []
        self._constants: set[str] = set()
        self._intrinsics: dict[str, int] = {}

    def add(self, offer: _Function | str) -> None:
        """Takes a function, or the constant of a name."""
        if isinstance(offer, str):
            self._constants.add(offer)
        else:
            self.functions.append(offer)
            self._intrinsics.update(offer.intrinsics)

    def size(self, offer: _Function | str) -> int:
        """Bytes that the offer adds."""
        if isinstance(offer, str):
            return int(self._program.constants[offer].array.nbytes)
        new = (b for name, b in offer.intrinsics.items() if name not in self._intrinsics)
        return offer.own_bytes + sum(new)

    def placement(self) -> Placement:
        """Its names and sizes."""
        return Placement(
            frozenset(function.index for function in self.functions),
            frozenset(self._intrinsics),
            frozenset(self._constants),
            sum(f.own_bytes for f in self.functions) + sum(self._intrinsics.values()),
            sum(int(self._program.constants[n].array.nbytes) for n in self._constants),
        )


def _functions(program: Program, board: Board) -> Iterator[_Function]:
    thumb2 = "thumb2" in features(board)
    per_cycle = _BYTES_PER_CYCLE if thumb2 else _BYTES_PER_CYCLE_THUMB1
    cost = flash_cost(board)
    for index, kernel in enumerate(program.functions):
        own, intrinsics = code_bytes(kernel)
        calls = [call for call in program.calls if call.function == index]
        footprint = own + sum(intrinsics.values())
        stalls = sum(cost.of_code(int(call.cycles * per_cycle), footprint) for call in calls)
        yield _Function(index, own, intrinsics, stalls)


def _constant_reads(program: Program) -> dict[str, list[int]]:
    """For each constant what each call reads of it."""
    reads: dict[str, list[int]] = {name: [] for name in program.constants}
    for call in program.calls:
        kernel = program.functions[call.function].loops
        found = bytes_read(kernel)
        for buffer, name in zip(kernel.buffers, call.arguments, strict=True):
            if name in reads:
                reads[name].append(found.get(buffer.name, 0))
    return reads


def _constant_stalls(program: Program, cost: FlashCost, name: str, reads: Iterable[int]) -> int:
    size = int(program.constants[name].array.nbytes)
    return sum(cost.of_data(read, size) for read in reads)


def arena_memory(board: Board, arena_bytes: int) -> str:
    """The name of the memory that an arena is meant for; empty where there is no choice."""
    if len(data_regions(board)) < 2:
        return ""
    region = arena_region(board, arena_bytes)
    return region.name if region else ""
