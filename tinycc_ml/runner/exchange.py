"""Request and answer over a line that loses, damages and doubles bytes.

The host is the only one to begin. It repeats a request until its answer comes; the device answers
a repeated request again without executing it again (docs/protocol.md, "Retries").
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Protocol

from tinycc_ml.errors import DeviceFaultError, LinkError
from tinycc_ml.runner.framing import FrameReader, encode_frame
from tinycc_ml.runner.messages import parse_fault
from tinycc_ml.runner.protocol import LONGEST_BODY_BYTES, Message, Packet, Status, parse_packet

_SEQUENCES = 2**16


class ByteStream(Protocol):
    """What an exchange needs of a link."""

    name: str

    def read(self, deadline_s: float) -> bytes:
        """At least one byte, or none after the deadline."""

    def write(self, data: bytes) -> None:
        """Sends all of `data`."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Time limits in seconds.

    Attributes:
        attempt_s: Wait for an answer before the request is repeated; doubles with each repetition.
        longest_attempt_s: Where that doubling ends.
        answer_s: Wait in all for an answer or another sign of life.
        busy_s: The same once the device has said that it is busy: longer than its slowest layer.
    """

    attempt_s: float = 0.5
    longest_attempt_s: float = 1.0
    answer_s: float = 5.0
    busy_s: float = 60.0


class NoAnswerError(LinkError):
    """The device was silent for too long, or nothing whole arrived."""


class RefusedError(LinkError):
    """The device answered with an error status.

    Args:
        message: The message.
        status: What the device answered.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Exchange:
    """Sends requests and waits for their answers.

    Args:
        stream: The open link.
        timing: Time limits.
    """

    def __init__(self, stream: ByteStream, timing: Timing | None = None) -> None:
        self._stream = stream
        self._timing = timing or Timing()
        self._frames = FrameReader(LONGEST_BODY_BYTES + LONGEST_BODY_BYTES // 254 + 16)
        self._sequence = secrets.randbelow(_SEQUENCES)
        self._damaged = 0
        self.repeats = 0
        """Requests that were sent again."""

    @property
    def name(self) -> str:
        """What messages call the device's port."""
        return self._stream.name

    def request(self, kind: Message, body: bytes = b"", *, limit_s: float | None = None) -> bytes:
        """Sends a request until it is answered; returns the answer's body after the status.

        Args:
            kind: The message.
            body: Its body.
            limit_s: Wait for an answer in all, instead of `Timing.answer_s`.

        Raises:
            LinkError: No answer in time, or an error status.
            DeviceFaultError: The device faulted, ran out of stack or restarted.
        """
        self._sequence = (self._sequence + 1) % _SEQUENCES
        frame = encode_frame(Packet(kind, False, self._sequence, body).pack())
        answer = self._exchange(kind, frame, limit_s or self._timing.answer_s)
        if not answer:
            raise LinkError(f"{self.name}: {kind.name}: the device sent an answer without a status")
        if answer[0] != Status.OK:
            self._raise_status(kind, answer[0], answer[1:])
        return answer[1:]

    def _exchange(self, kind: Message, frame: bytes, limit_s: float) -> bytes:
        damaged_before = self._damaged + self._frames.damaged
        attempt_s = self._timing.attempt_s
        started = time.monotonic()
        give_up = started + limit_s
        busy_seen = False
        self._stream.write(frame)
        repeat = started + attempt_s
        while (now := time.monotonic()) < give_up:
            if now >= repeat:
                self.repeats += 1
                self._stream.write(frame)
                attempt_s = min(2 * attempt_s, self._timing.longest_attempt_s)
                repeat = now + attempt_s
            for packet in self._receive(min(repeat, give_up)):
                if packet.kind == kind:
                    return packet.body
                # BUSY: the request has arrived, so a repetition can wait as well.
                busy_seen = True
                repeat = time.monotonic() + self._timing.longest_attempt_s
                give_up = time.monotonic() + self._timing.busy_s
        damaged = self._damaged + self._frames.damaged - damaged_before
        if busy_seen:
            raise NoAnswerError(
                f"{self.name}: {kind.name}: the device accepted it, then gave no sign of life for "
                f"{self._timing.busy_s:.0f} s; a layer hangs, or takes longer than that"
            )
        raise NoAnswerError(self._silence(kind, time.monotonic() - started, damaged))

    def _receive(self, deadline_s: float) -> list[Packet]:
        """Packets that belong to the request under way: its answer or BUSY."""
        packets = []
        for data in self._frames.feed(self._stream.read(deadline_s)):
            packet = parse_packet(data)
            if packet is None:
                self._damaged += 1
            elif packet.is_answer and packet.sequence == self._sequence:
                packets.append(packet)
        return packets

    def _silence(self, kind: Message, waited_s: float, damaged: int) -> str:
        head = f"{self.name}: {kind.name}: no answer within {waited_s:.1f} s"
        if damaged:
            return f"{head}, but {damaged} damaged frames; are baud rate and wiring right?"
        return f"{head}; is the firmware flashed, and no other program using the port?"

    def _raise_status(self, kind: Message, status: int, rest: bytes) -> None:
        where = f"{self.name}: {kind.name}"
        if status == Status.FAULT:
            raise DeviceFaultError(f"{where}: the firmware faulted: {parse_fault(rest)}")
        if status == Status.STACK_OVERFLOW:
            raise DeviceFaultError(
                f"{where}: the run used up the whole stack; its results are void"
            )
        if status == Status.NO_SESSION:
            report = parse_fault(self.request(Message.FAULT))
            raise DeviceFaultError(f"{where}: the device has restarted: {report}")
        if status == Status.VERSION:
            raise RefusedError(
                f"{where}: the device speaks another protocol version; flash a firmware of this "
                "version of tinycc-ml",
                status,
            )
        known = Status(status).name.lower().replace("_", " ") if status in set(Status) else status
        raise RefusedError(f"{where}: the device refused: {known}", status)
