"""Where the shared planning instances lie, and how to read them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tinycc_ml.memplan import PlannedBuffer, PlanProblem

_FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "memplan"


@dataclass(frozen=True)
class Instance:
    """A problem and its proved optimum; ``bound_bytes`` is absent in the overlap files."""

    name: str
    problem: PlanProblem
    optimum_bytes: int
    bound_bytes: int | None


def _read(path: Path) -> Instance:
    data = json.loads(path.read_text())
    # ``upper`` is the first step that no longer needs the buffer.
    buffers = tuple(
        PlannedBuffer(str(b["id"]), b["size"], b["lower"], b["upper"] - 1) for b in data["buffers"]
    )
    optimum_bytes = data["optimum"] if "optimum" in data else data["optimum_plain"]
    return Instance(data["name"], PlanProblem(buffers), optimum_bytes, data.get("lower_bound"))


@pytest.fixture(scope="session")
def instances() -> tuple[Instance, ...]:
    """Every shared instance, the five models both as they are and with reshapes removed."""
    if not _FOLDER.is_dir():
        message = f"no planning instances in {_FOLDER}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return tuple(_read(path) for path in sorted(_FOLDER.glob("*.json")))
