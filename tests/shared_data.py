"""Finds the data set that lies beside the repository, in ``../shared``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"


def shared_path(name: str) -> Path:
    """``shared_path("data/models/x.tflite")``; skips the test where it is missing.

    In continuous integration (environment variable ``CI``) a missing file is a failure: there a
    skipped test would look like a passed one.
    """
    path = SHARED / name
    if path.exists():
        return path
    message = f"shared/{name} is not there; it belongs beside the repository"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
