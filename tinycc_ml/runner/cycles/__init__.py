"""Estimates a core's cycles: blocks that QEMU executed, each priced from its instructions."""

from __future__ import annotations

from tinycc_ml.runner.cycles.estimate import (
    CycleCounter,
    CycleEstimate,
    count_cycles,
    why_no_estimate,
)
from tinycc_ml.runner.cycles.plugin import missing_for_plugins

__all__ = [
    "CycleCounter",
    "CycleEstimate",
    "count_cycles",
    "missing_for_plugins",
    "why_no_estimate",
]
