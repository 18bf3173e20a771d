"""What reading from flash costs: an estimate, good enough to rank what should leave it.

The flash answers after its wait states with as many bytes as one access reads. Caches hold what was
read last; what is larger than its cache and is read from end to end again and again is never found
there. A prefetch hides as much of the next access as the core needs to run what it has, which is
one cycle for each instruction of 4 bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinycc_ml.targets import Board

_INSTRUCTION_BYTES = 4


@dataclass(frozen=True, slots=True)
class FlashCost:
    """The flash of a board as the core sees it.

    Attributes:
        wait_states: Cycles that an access waits.
        access_bytes: Bytes that an access reads.
        instruction_cache_bytes: Size of the instruction cache.
        data_cache_bytes: Size of the data cache.
    """

    wait_states: int
    access_bytes: int
    instruction_cache_bytes: int
    data_cache_bytes: int

    def of_code(self, executed_bytes: int, size_bytes: int) -> int:
        """Cycles that a core waits for code of a size of which so many bytes are executed."""
        if size_bytes <= self.instruction_cache_bytes:
            return self._accesses(min(size_bytes, executed_bytes)) * self.wait_states
        hidden = self.access_bytes // _INSTRUCTION_BYTES
        return self._accesses(executed_bytes) * max(0, self.wait_states - hidden)

    def of_data(self, read_bytes: int, size_bytes: int) -> int:
        """Cycles that a core waits for constants of a size of which so many bytes are read."""
        if size_bytes <= self.data_cache_bytes:
            read_bytes = min(read_bytes, size_bytes)
        return self._accesses(read_bytes) * self.wait_states

    def _accesses(self, size_bytes: int) -> int:
        return -(-size_bytes // self.access_bytes)


def flash_cost(board: Board) -> FlashCost:
    """The cost of the board's flash, the largest if there are several."""
    flash = max((m for m in board.memories if m.kind == "flash"), key=lambda m: m.size_bytes)
    caches = board.caches
    return FlashCost(
        flash.wait_states,
        flash.access_bits // 8,
        caches.instruction_bytes if caches else 0,
        caches.data_bytes if caches else 0,
    )
