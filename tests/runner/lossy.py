"""A line that loses, changes and doubles bytes."""

from __future__ import annotations

import random

from tinycc_ml.runner.exchange import ByteStream


class LossyStream:
    """Passes bytes on; of each hundred, about `percent` are damaged, in both directions.

    Args:
        stream: The good line.
        percent: How many bytes in a hundred.
        seed: Of the damage.
    """

    def __init__(self, stream: ByteStream, percent: float, seed: int) -> None:
        self._stream = stream
        self._share = percent / 100
        self._random = random.Random(seed)
        self.name = f"lossy {stream.name}"
        self.bytes_damaged = 0

    def read(self, deadline_s: float) -> bytes:
        return self._damage(self._stream.read(deadline_s))

    def write(self, data: bytes) -> None:
        self._stream.write(self._damage(data))

    def _damage(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if self._random.random() >= self._share:
                out.append(byte)
                continue
            self.bytes_damaged += 1
            match self._random.randrange(4):
                case 0:
                    pass
                case 1:
                    out += bytes((byte, byte))
                case 2:
                    out.append(byte ^ (1 << self._random.randrange(8)))
                case _:
                    out += bytes((self._random.randrange(256), byte))
        return bytes(out)
