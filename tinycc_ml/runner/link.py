"""A byte stream to a device: a serial port, or a TCP socket to an emulator.

pyserial's URLs make `/dev/ttyACM0`, `COM3` and `socket://127.0.0.1:5000` look the same.
"""

from __future__ import annotations

import socket
import time
from types import TracebackType

import serial

from tinycc_ml.errors import LinkError

# As long as an emulator may stand still while others use the processor.
WRITE_LIMIT_S = 10.0
_MOST_AT_ONCE_BYTES = 4096


class Link:
    """An open byte stream.

    Args:
        stream: The open pyserial port.
        name: What messages call it.
    """

    def __init__(self, stream: serial.SerialBase, name: str) -> None:
        self._stream = stream
        self.name = name

    def read(self, deadline_s: float) -> bytes:
        """What has arrived: at least one byte, or none once the deadline has passed.

        Args:
            deadline_s: A time of `time.monotonic()`.

        Raises:
            LinkError: If the port is gone.
        """
        try:
            self._stream.timeout = max(0.0, deadline_s - time.monotonic())
            first: bytes = self._stream.read(1)
            if not first:
                return b""
            self._stream.timeout = 0
            return first + bytes(self._stream.read(_MOST_AT_ONCE_BYTES))
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"{self.name}: the connection broke: {error}") from error

    def write(self, data: bytes) -> None:
        """Sends all of `data`.

        Raises:
            LinkError: If the port is gone, or takes nothing for `WRITE_LIMIT_S`.
        """
        try:
            self._stream.write(data)
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"{self.name}: cannot send: {error}") from error

    def close(self) -> None:
        """Closes the port."""
        self._stream.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_link(port: str, baud: int = 115200, *, name: str = "") -> Link:
    """Opens a serial port or socket.

    Args:
        port: `/dev/tty...`, `COM...` or a pyserial URL such as `socket://127.0.0.1:5000`.
        baud: Speed; sockets ignore it.
        name: What messages call it; by default the port.

    Raises:
        LinkError: If it cannot be opened.
    """
    name = name or f"serial port {port}"
    try:
        stream = serial.serial_for_url(  # type: ignore[no-untyped-call]
            port, baudrate=baud, timeout=0, write_timeout=WRITE_LIMIT_S
        )
        stream.reset_input_buffer()
        if port.startswith("socket://"):
            _send_at_once(stream.fileno())
    except (serial.SerialException, OSError, ValueError) as error:
        raise LinkError(f"{name}: cannot open: {error}; is the device connected?") from error
    return Link(stream, name)


def _send_at_once(descriptor: int) -> None:
    """Turns off Nagle's algorithm, which pyserial leaves on.

    With it, a repeated request waits for the acknowledgement of the lost one: up to 40 ms.
    """
    with socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM) as same_socket:
        same_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
