"""The command line, one file per verb."""

from __future__ import annotations

from tinycc_ml.cli.main import main

__all__ = ["main"]
