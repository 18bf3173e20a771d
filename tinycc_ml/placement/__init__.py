"""Which code and which constants run and lie in fast memory instead of flash."""

from __future__ import annotations

from tinycc_ml.placement.choose import Where, arena_memory, data_bytes, place
from tinycc_ml.placement.heat import buffer_heat
from tinycc_ml.placement.placement import Placement
from tinycc_ml.placement.stalls import FlashCost, flash_cost

__all__ = [
    "FlashCost",
    "Placement",
    "Where",
    "arena_memory",
    "buffer_heat",
    "data_bytes",
    "flash_cost",
    "place",
]
