"""Finds the data folders that ship with the package.

In a wheel they lie in ``tinycc_ml/_data``; in a checkout beside the package.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """The folder ``templates``, ``boards``, ``firmware_harness`` or ``renode_scripts``.

    Raises:
        FileNotFoundError: If the installation lacks it.
    """
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        candidate = root / name
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"{name}: not part of this installation of tinycc-ml")
