"""The figures that must not become worse, and what has."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.cases import REPOSITORY
from benchmarks.measure import Figures

BASELINE = REPOSITORY / "benchmarks" / "baseline.json"
#: More than this is worse.
TOLERANCE = 0.01


def load(path: Path = BASELINE) -> dict[str, Any]:
    """``compiler`` and ``cases``; empty where there is no file yet."""
    if not path.exists():
        return {"compiler": "", "cases": {}}
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def store(data: dict[str, Any], path: Path = BASELINE) -> None:
    """Writes the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(draft, path)


def worse(found: Figures, expected: Figures) -> list[str]:
    """What is more than the tolerance above the baseline. What is missing on a side is not."""
    return [
        f"{key} {expected[key]:,} -> {value:,}{_share(value, expected[key])}"
        for key, value in found.items()
        if key in expected and value > expected[key] * (1 + TOLERANCE)
    ]


def _share(value: int, expected: int) -> str:
    return f" ({value / expected - 1:+.1%})" if expected else ""


def lost(found: Figures, expected: Figures, aim: Iterable[str]) -> list[str]:
    """What is worse without anything gained for it.

    Where the aim is missed, everything that is worse; where a figure of the aim became better by
    more than the tolerance, it may have been paid for with the others.

    Args:
        found: What was measured.
        expected: The baseline.
        aim: The figures that the options ask to be small.
    """
    known = [key for key in aim if key in found and key in expected]
    problems = worse({key: found[key] for key in known}, expected)
    gained = any(found[key] < expected[key] * (1 - TOLERANCE) for key in known)
    return problems if gained else worse(found, expected)
