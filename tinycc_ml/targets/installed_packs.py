"""Finds a device in the CMSIS-Packs that are installed; never asks a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tinycc_ml.errors import BoardError
from tinycc_ml.targets.complaint import printable
from tinycc_ml.targets.pdsc import PackDevice, read_device

#: Where packs lie under a root: unpacked (vendor, name, version), and descriptions alone.
_PATTERNS = ("*/*/*/*.pdsc", ".Local/*.pdsc", ".Web/*.pdsc", "*.pdsc")


def pack_roots() -> tuple[Path, ...]:
    """Where cpackget, csolution, Keil and cmsis-pack-manager keep packs."""
    home = Path.home()
    roots = [
        Path(os.environ["CMSIS_PACK_ROOT"]) if os.environ.get("CMSIS_PACK_ROOT") else None,
        Path(os.environ["LOCALAPPDATA"]) / "Arm/Packs" if os.environ.get("LOCALAPPDATA") else None,
        home / ".cache/arm/packs",
        home / ".arm/Packs",
        home / ".local/share/cmsis-pack-manager",
    ]
    return tuple(root for root in roots if root is not None)


def find_device(name: str) -> PackDevice:
    """The device, from the newest installed pack that knows it.

    Raises:
        BoardError: If none does, or it is damaged.
    """
    roots = pack_roots()
    for path in _descriptions(roots):
        if _mentions(path, name):
            try:
                return read_device(path, name)
            except BoardError as error:
                if ": no device " not in str(error):
                    raise
    places = ", ".join(printable(str(root)) for root in roots)
    raise BoardError(
        f"device {printable(name)}: no installed CMSIS-Pack knows it (looked in {places}); "
        "download its pack and give it: --pack FILE.pack"
    )


def _descriptions(roots: tuple[Path, ...]) -> Iterator[Path]:
    for root in roots:
        for pattern in _PATTERNS:
            # A later version sorts behind an earlier one, mostly; either describes the device.
            yield from sorted(root.glob(pattern), reverse=True)


def _mentions(path: Path, name: str) -> bool:
    """Whether a file is worth parsing: those of large families take seconds."""
    try:
        return name.lower().encode() in path.read_bytes().lower()
    except OSError:
        return False
