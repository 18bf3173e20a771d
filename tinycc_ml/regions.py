"""Which of a board's memories an arena may be spread over, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from tinycc_ml.errors import BoardError, DoesNotFitError
from tinycc_ml.memplan import Io, MemoryPlan, RegionLimit, Streamed, plan_program_in_regions
from tinycc_ml.placement import buffer_heat
from tinycc_ml.targets import Board, data_block, data_regions

#: Whether the arena is one array. ``auto``: unless it fits nowhere as a whole. ``split``: what is
#: used most for its size lies in the fastest memory.
Regions = Literal["auto", "one", "split"]

#: The part of a memory that the application and the stack keep: one in so many.
_KEPT_PART = 8


def region_limits(board: Board, asked: Mapping[str, int]) -> tuple[RegionLimit, ...]:
    """The board's data RAM, the fastest first, and what of it the arena may take.

    Args:
        board: The board.
        asked: Bytes by the name of a region; of the others all but an eighth.

    Raises:
        BoardError: If the board has no such region, or less of it.
    """
    regions = {region.name: region for region in data_regions(board)}
    for name, size_bytes in asked.items():
        if name not in regions:
            has = ", ".join(regions) or "none"
            raise BoardError(
                f"--region-limit {name}: {board.name} has no such region of data RAM; it has {has}"
            )
        if size_bytes > regions[name].size_bytes:
            raise BoardError(
                f"--region-limit {name}: {size_bytes:,} bytes; it has {regions[name].size_bytes:,}"
            )
    return tuple(
        RegionLimit(name, asked.get(name, region.size_bytes // _KEPT_PART * (_KEPT_PART - 1)))
        for name, region in regions.items()
    )


@dataclass(frozen=True, slots=True)
class Spread:
    """How an arena may be spread over a board's memories.

    Attributes:
        board: The board.
        io: Where inputs and outputs live.
        regions: Whether it may, or shall.
        limits: Bytes that it may take of regions, by their names.
    """

    board: Board
    io: Io
    regions: Regions
    limits: Mapping[str, int]

    def asked(self, streamed: Streamed) -> Streamed:
        """The plan in several memories, if that is asked for.

        Raises:
            BoardError: If the board has no such regions.
            DoesNotFitError: If it does not fit.
        """
        if self.regions != "split" or streamed.plan.regions:
            return streamed
        found = self._split(streamed)
        if found is None:
            limits = region_limits(self.board, self.limits)
            room = ", ".join(f"{limit.name} {limit.size_bytes:,}" for limit in limits) or "none"
            raise DoesNotFitError(
                f"--regions split: an arena of {streamed.plan.arena_bytes:,} bytes does not fit "
                f"the regions of {self.board.name} ({room}); use --optimize ram"
            )
        return found

    def needed(self, streamed: Streamed) -> Streamed | None:
        """The plan in several memories, if that is allowed and it fits; else ``None``."""
        return None if self.regions == "one" else self._split(streamed)

    def _split(self, streamed: Streamed) -> Streamed | None:
        program = streamed.program
        overlap = bool(streamed.plan.shared) or any(call.group for call in program.calls)
        limits = region_limits(self.board, self.limits)
        heat = buffer_heat(program)
        plan = plan_program_in_regions(program, self.io, limits, heat, overlap=overlap)
        return None if plan is None else replace(streamed, plan=plan)


def bytes_in_data_block(plan: MemoryPlan, board: Board) -> int:
    """What an arena takes of the largest run of data RAM; of one array all, wherever it lies."""
    if not plan.regions:
        return plan.arena_bytes
    block = data_block(board)
    regions = {region.name: region for region in data_regions(board)}
    return sum(r.size_bytes for r in plan.regions if block.holds(regions[r.name]))
