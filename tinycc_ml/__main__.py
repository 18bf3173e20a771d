"""``python -m tinycc_ml``."""

from __future__ import annotations

from tinycc_ml.cli import main

main()
