"""Where the shared planning instances lie, and how to read them."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tinycc_ml.memplan import Overlap, PlannedBuffer, PlanProblem

_FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "memplan"


@dataclass(frozen=True)
class Instance:
    """A problem and its proved optimum; ``bound_bytes`` is absent in the overlap files."""

    name: str
    problem: PlanProblem
    optimum_bytes: int
    bound_bytes: int | None


def _read(path: Path, overlap: bool = False) -> Instance:
    data = json.loads(path.read_text())
    # ``upper`` is the first step that no longer needs the buffer.
    buffers = tuple(
        PlannedBuffer(str(b["id"]), b["size"], b["lower"], b["upper"] - 1) for b in data["buffers"]
    )
    if overlap:
        problem = PlanProblem(buffers, _overlaps(data))
        return Instance(data["name"], problem, data["optimum_overlap"], None)
    optimum_bytes = data["optimum"] if "optimum" in data else data["optimum_plain"]
    return Instance(data["name"], PlanProblem(buffers), optimum_bytes, data.get("lower_bound"))


def _overlaps(data) -> tuple[Overlap, ...]:
    """Both directions, as the files have kernels that can also run backwards.

    One operator has one direction. For a single input the two exclude each other in any case; where
    there are two inputs, forward is chosen.
    """
    sizes = {b["id"]: b["size"] for b in data["buffers"]}
    inputs = Counter(s["op"] for s in data["separations"])
    return tuple(
        Overlap(
            str(s["output"]),
            str(s["input"]),
            s["d_forward"],
            # off[out] + |out| >= off[in] + |in| + d
            sizes[s["input"]] - sizes[s["output"]] + s["d_backward"]
            if inputs[s["op"]] == 1
            else None,
        )
        for s in data["separations"]
    )


def _paths() -> list[Path]:
    if not _FOLDER.is_dir():
        message = f"no planning instances in {_FOLDER}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return sorted(_FOLDER.glob("*.json"))


@pytest.fixture(scope="session")
def instances() -> tuple[Instance, ...]:
    """Every shared instance, the five models both as they are and with reshapes removed."""
    return tuple(_read(path) for path in _paths())


@pytest.fixture(scope="session")
def overlap_instances() -> tuple[Instance, ...]:
    """The instances with overlaps, and their optima with them."""
    return tuple(
        _read(path, overlap=True) for path in _paths() if path.name.endswith(".overlap.json")
    )
