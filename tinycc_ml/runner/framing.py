"""Frames on a byte stream: COBS, then a zero byte (docs/protocol.md, "Frames").

Consistent Overhead Byte Stuffing (Cheshire and Baker, 1999) removes every zero byte, so that a
reader which has lost its place finds the next frame at the next zero byte.
"""

from __future__ import annotations

_DELIMITER = b"\x00"
_LONGEST_BLOCK = 254


def cobs_encode(data: bytes) -> bytes:
    """Encodes `data` so that it holds no zero byte."""
    encoded = bytearray()
    for run in data.split(_DELIMITER):
        at = 0
        while len(run) - at >= _LONGEST_BLOCK:
            encoded.append(_LONGEST_BLOCK + 1)
            encoded += run[at : at + _LONGEST_BLOCK]
            at += _LONGEST_BLOCK
        encoded.append(len(run) - at + 1)
        encoded += run[at:]
    return bytes(encoded)


def cobs_decode(encoded: bytes) -> bytes | None:
    """Decodes what stood between two delimiters; None if no encoder wrote it."""
    data = bytearray()
    at = 0
    while at < len(encoded):
        code = encoded[at]
        block = encoded[at + 1 : at + code]
        if code == 0 or len(block) != code - 1:
            return None
        data += block
        at += code
        if code <= _LONGEST_BLOCK and at < len(encoded):
            data.append(0)
    return bytes(data)


def encode_frame(data: bytes) -> bytes:
    """The bytes to send; the leading delimiter ends any noise on the line."""
    return _DELIMITER + cobs_encode(data) + _DELIMITER


class FrameReader:
    """Takes bytes as they come and gives the contents of frames.

    Args:
        longest_bytes: Longest frame, as received; what is longer is dropped.
    """

    def __init__(self, longest_bytes: int) -> None:
        self._longest_bytes = longest_bytes
        self._pending = bytearray()
        self._overflow = False
        self.damaged = 0
        """Pieces between delimiters that were no frames."""

    def feed(self, received: bytes) -> list[bytes]:
        """Takes more bytes; returns the frames that they complete, oldest first."""
        *pieces, rest = received.split(_DELIMITER)
        frames = []
        for piece in pieces:
            self._append(piece)
            frames += self._finish()
        self._append(rest)
        return frames

    def _append(self, piece: bytes) -> None:
        self._pending += piece
        if len(self._pending) > self._longest_bytes:
            self._pending.clear()
            self._overflow = True

    def _finish(self) -> list[bytes]:
        encoded, overflow = bytes(self._pending), self._overflow
        self._pending.clear()
        self._overflow = False
        if not encoded and not overflow:
            return []  # two delimiters in a row say nothing
        data = None if overflow else cobs_decode(encoded)
        if data is None:
            self.damaged += 1
            return []
        return [data]
