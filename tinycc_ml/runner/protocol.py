"""Packets: what one frame carries (docs/protocol.md, "Packets").

`firmware_harness/src/messages.h` holds the same numbers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from tinycc_ml.runner.crc import crc32

PROTOCOL_VERSION = 1

HEADER_BYTES = 4
CRC_BYTES = 4
# No device may announce more: it bounds what a damaged or hostile one can make us hold.
LONGEST_BODY_BYTES = 65535

_HEADER = struct.Struct("<BBH")
_CRC = struct.Struct("<I")
_ANSWER_BIT = 0x80


class Message(IntEnum):
    """Message types."""

    PING = 0x01
    IDENTIFY = 0x02
    DESCRIBE_IO = 0x03
    WRITE_INPUT = 0x04
    RUN = 0x05
    READ_OUTPUT = 0x06
    LAYER_TIMES = 0x07
    LAYER_CRCS = 0x08
    READ_LAYER = 0x09
    STATS = 0x0A
    FAULT = 0x0B
    RESET = 0x0C
    RESET_STATE = 0x0D
    BUSY = 0x7F


class Status(IntEnum):
    """First body byte of every answer."""

    OK = 0
    UNKNOWN_MESSAGE = 1
    BAD_LENGTH = 2
    BAD_INDEX = 3
    OUT_OF_RANGE = 4
    NO_SESSION = 5
    FAULT = 6
    VERSION = 7
    STACK_OVERFLOW = 8
    NOT_RECORDED = 9


class RunFlag(IntFlag):
    """Flags of RUN."""

    NONE = 0
    TRACE = 1
    QUIET = 2


class TimeUnit(IntEnum):
    """What a device counts time in."""

    NANOSECONDS = 0
    CYCLES = 1
    INSTRUCTIONS = 2


class ResetReason(IntEnum):
    """Why the device last started."""

    UNKNOWN = 0
    POWER_ON = 1
    PIN = 2
    SOFTWARE = 3
    WATCHDOG = 4


@dataclass(frozen=True, slots=True)
class Packet:
    """One request or answer.

    Attributes:
        kind: Message type, without the answer bit.
        is_answer: Whether the device sent it.
        sequence: Number of the request, 0 to 65535; an answer carries its request's.
        body: The rest; in an answer, other than BUSY, the first byte is a `Status`.
    """

    kind: int
    is_answer: bool
    sequence: int
    body: bytes

    def pack(self) -> bytes:
        """The frame's contents."""
        kind = self.kind | (_ANSWER_BIT if self.is_answer else 0)
        head = _HEADER.pack(PROTOCOL_VERSION, kind, self.sequence) + self.body
        return head + _CRC.pack(crc32(head))


def parse_packet(data: bytes) -> Packet | None:
    """The packet in a frame; None if it is damaged or of another protocol version."""
    if len(data) < HEADER_BYTES + CRC_BYTES:
        return None
    head, trailer = data[:-CRC_BYTES], data[-CRC_BYTES:]
    if _CRC.unpack(trailer)[0] != crc32(head):
        return None
    version, kind, sequence = _HEADER.unpack_from(head)
    if version != PROTOCOL_VERSION:
        return None
    return Packet(kind & ~_ANSWER_BIT, bool(kind & _ANSWER_BIT), sequence, head[HEADER_BYTES:])
