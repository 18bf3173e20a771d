"""What of a board's memory an array or code may be put into, fastest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinycc_ml.targets.board import Board, Memory


@dataclass(frozen=True, slots=True)
class Region:
    """A run of memories without a gap.

    Attributes:
        name: The memories' names: ``SRAM1+SRAM2``.
        origin: First address.
        size_bytes: Size in bytes.
    """

    name: str
    origin: int
    size_bytes: int

    def holds(self, other: Region) -> bool:
        """Whether the other region lies in this one."""
        end, other_end = self.origin + self.size_bytes, other.origin + other.size_bytes
        return self.origin <= other.origin and other_end <= end


def ram_blocks(board: Board) -> tuple[Region, ...]:
    """Runs of data RAM that touches, whatever its speed, by address: the limits of one array."""
    return tuple(_runs(board, lambda memory: 0))


def data_regions(board: Board) -> tuple[Region, ...]:
    """Runs of data RAM that touches and is equally fast, the fastest first."""
    speeds = {m.origin: _speed(m) for m in board.memories}
    return tuple(sorted(_runs(board, _speed), key=lambda region: speeds[region.origin]))


def arena_region(board: Board, size_bytes: int) -> Region | None:
    """The fastest region in which an array fits as a whole.

    Where it fits into none, the smallest run of memories of several speeds that holds it.

    Args:
        board: The board.
        size_bytes: The array's size.

    Returns:
        ``None`` if the array fits nowhere.
    """
    blocks = sorted(ram_blocks(board), key=lambda region: region.size_bytes)
    fitting = (r for r in (*data_regions(board), *blocks) if r.size_bytes >= size_bytes)
    return next(fitting, None)


def data_block(board: Board) -> Region:
    """The largest run of data RAM: where variables and the stack lie."""
    return max(ram_blocks(board), key=lambda region: region.size_bytes)


def code_region(board: Board) -> Region:
    """Where code that is copied at start-up runs: code RAM, or where there is none the data RAM.

    The largest of several.
    """
    code = [Region(m.name, m.origin, m.size_bytes) for m in board.memories if m.kind == "itcm"]
    return max(code, key=lambda region: region.size_bytes, default=data_block(board))


def _speed(memory: Memory) -> tuple[int, bool]:
    # Tightly coupled memory has a bus of its own: no arbitration and no cache in between.
    return memory.wait_states, memory.kind != "dtcm"


def _runs(board: Board, kind: Callable[[Memory], object]) -> Iterable[Region]:
    """Runs of data RAM that touches and is of one kind."""
    runs: list[Region] = []
    last: object = None
    for memory in sorted(board.memories, key=lambda m: m.origin):
        if memory.kind not in ("ram", "dtcm"):
            continue
        end = runs[-1].origin + runs[-1].size_bytes if runs else -1
        if memory.origin == end and kind(memory) == last:
            run = runs.pop()
            runs.append(
                Region(f"{run.name}+{memory.name}", run.origin, run.size_bytes + memory.size_bytes)
            )
        else:
            runs.append(Region(memory.name, memory.origin, memory.size_bytes))
        last = kind(memory)
    return runs
