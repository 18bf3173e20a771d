"""Schedule primitives (kernel -> kernel), one per file."""

from __future__ import annotations

from tinycc_ml.schedule.fuse import Fuse
from tinycc_ml.schedule.reorder import Reorder
from tinycc_ml.schedule.schedule import (
    STEPS,
    Schedule,
    apply_schedule,
    format_schedule,
    schedule_from_json,
    schedule_to_json,
)
from tinycc_ml.schedule.split import Split
from tinycc_ml.schedule.step import Step
from tinycc_ml.schedule.unroll import Unroll

__all__ = [
    "STEPS",
    "Fuse",
    "Reorder",
    "Schedule",
    "Split",
    "Step",
    "Unroll",
    "apply_schedule",
    "format_schedule",
    "schedule_from_json",
    "schedule_to_json",
]
