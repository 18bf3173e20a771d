"""Moves tensors in chunks, smaller ones where the line proves bad."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tinycc_ml.errors import LinkError
from tinycc_ml.runner.exchange import Exchange, NoAnswerError
from tinycc_ml.runner.protocol import Message

# Room in a body for what comes before the data: index, offset, length, status.
_OVERHEAD_BYTES = 16
_SMALLEST_CHUNK_BYTES = 16
# A chunk that does not come through in this time is halved.
_CHUNK_LIMIT_S = 2.0

_WRITE = struct.Struct("<HI")
_READ = struct.Struct("<HIH")


class Transfer:
    """Writes inputs, reads outputs and layers.

    The chunk size starts at what the device can take. Of bytes that are lost one in a hundred, a
    chunk of 1,000 never arrives whole, one of 32 mostly does: so it is halved when a chunk does
    not come through, and stays so.

    Args:
        exchange: Carries the requests.
        max_body_bytes: The device's longest packet body.
    """

    def __init__(self, exchange: Exchange, max_body_bytes: int) -> None:
        self._exchange = exchange
        self.chunk_bytes = max_body_bytes - _OVERHEAD_BYTES

    def write(self, index: int, data: bytes) -> None:
        """Fills input number `index` of the model."""
        at = 0
        while at < len(data):
            chunk = data[at : at + self.chunk_bytes]
            body = _WRITE.pack(index, at) + chunk
            if self._try(Message.WRITE_INPUT, body) is not None:
                at += len(chunk)

    def read_output(self, index: int, size_bytes: int) -> bytes:
        """Reads all of output number `index` of the model."""
        return self._read(Message.READ_OUTPUT, index, 0, size_bytes)

    def read_layer(
        self, layer: int, offset: int, size_bytes: int, rewind: Callable[[], None] | None = None
    ) -> bytes:
        """Reads a part of a layer's output; the device runs the model again for each chunk.

        Args:
            layer: Which layer.
            offset: From where on.
            size_bytes: How much of it.
            rewind: Called before each chunk.
        """
        return self._read(Message.READ_LAYER, layer, offset, size_bytes, rewind)

    def _read(
        self,
        kind: Message,
        index: int,
        offset: int,
        size_bytes: int,
        rewind: Callable[[], None] | None = None,
    ) -> bytes:
        data = bytearray()
        while len(data) < size_bytes:
            if rewind is not None:
                rewind()
            length = min(self.chunk_bytes, size_bytes - len(data))
            answer = self._try(kind, _READ.pack(index, offset + len(data), length))
            if answer is None:
                continue
            if len(answer) != length:
                raise LinkError(
                    f"{self._exchange.name}: {kind.name}: asked for {length} bytes, "
                    f"got {len(answer)}"
                )
            data += answer
        return bytes(data)

    def _try(self, kind: Message, body: bytes) -> bytes | None:
        """The answer; None if the chunk was too large for the line, and is now smaller."""
        request: Callable[..., bytes] = self._exchange.request
        if self.chunk_bytes <= _SMALLEST_CHUNK_BYTES:
            return request(kind, body)
        try:
            return request(kind, body, limit_s=_CHUNK_LIMIT_S)
        except NoAnswerError:
            self.chunk_bytes = max(_SMALLEST_CHUNK_BYTES, self.chunk_bytes // 2)
            return None
