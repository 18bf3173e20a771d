"""The frame check: CRC-32 as in Ethernet and zlib."""

from __future__ import annotations

import zlib


def crc32(data: bytes) -> int:
    """CRC-32 of `data` (polynomial 0x04C11DB7, reflected, start and end inverted)."""
    return zlib.crc32(data)
