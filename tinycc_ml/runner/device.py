"""The device as Python calls: the protocol's client."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from tinycc_ml.errors import DataError, DeviceFaultError, LinkError
from tinycc_ml.runner.exchange import ByteStream, Exchange, Timing
from tinycc_ml.runner.messages import (
    FaultReport,
    Identity,
    IoInfo,
    LayerCrc,
    RunResult,
    Stats,
    parse_fault,
    parse_identity,
    parse_io,
    parse_layer_crcs,
    parse_layer_times,
    parse_run_result,
    parse_stats,
)
from tinycc_ml.runner.protocol import PROTOCOL_VERSION, Message, RunFlag
from tinycc_ml.runner.transfer import Transfer

_RANGE = struct.Struct("<HH")
# Layers per request; the answer has 8 bytes for each.
_LAYERS_AT_ONCE = 32


class Device:
    """A device with one model, reached over a link.

    Opening a session: `identify()` first; the firmware refuses the rest before it.

    Args:
        link: The open link.
        timing: Time limits.

    Every method raises `LinkError` if the device does not answer in time or answers nonsense, and
    `DeviceFaultError` if its firmware faulted or restarted.
    """

    def __init__(self, link: ByteStream, timing: Timing | None = None) -> None:
        self._exchange = Exchange(link, timing)
        self._identity: Identity | None = None
        self._transfer: Transfer | None = None
        self._inputs: tuple[IoInfo, ...] = ()
        self._outputs: tuple[IoInfo, ...] = ()

    def identify(self, *, limit_s: float | None = None) -> Identity:
        """Opens a session and asks what the device is.

        Args:
            limit_s: How long to wait for a device that is perhaps not there.
        """
        body = self._exchange.request(
            Message.IDENTIFY, bytes((PROTOCOL_VERSION, PROTOCOL_VERSION)), limit_s=limit_s
        )
        identity = parse_identity(body)
        self._inputs = tuple(self._describe(0, i) for i in range(identity.input_count))
        self._outputs = tuple(self._describe(1, i) for i in range(identity.output_count))
        self._transfer = Transfer(self._exchange, identity.max_body_bytes)
        self._identity = identity
        return identity

    @property
    def identity(self) -> Identity:
        """What `identify()` returned."""
        if self._identity is None:
            raise LinkError(f"{self._exchange.name}: identify() opens the session; call it first")
        return self._identity

    @property
    def inputs(self) -> tuple[IoInfo, ...]:
        """The model's inputs, in its order."""
        return self._inputs

    @property
    def outputs(self) -> tuple[IoInfo, ...]:
        """The model's outputs, in its order."""
        return self._outputs

    @property
    def repeats(self) -> int:
        """Requests that had to be sent again so far."""
        return self._exchange.repeats

    def ping(self, data: bytes = b"") -> bytes:
        """Sends bytes and returns them as they came back."""
        return self._exchange.request(Message.PING, data)

    def write_inputs(self, inputs: Sequence[bytes]) -> None:
        """Fills all model inputs.

        Raises:
            DataError: If their number or sizes are not the model's.
        """
        sizes = [len(data) for data in inputs]
        expected = [io.size_bytes for io in self._inputs]
        if sizes != expected:
            raise DataError(f"inputs of {sizes} bytes; the model on the device takes {expected}")
        for index, data in enumerate(inputs):
            self._chunks().write(index, data)

    def run(self, n: int = 1, *, trace: bool = False, quiet: bool = False) -> RunResult:
        """Runs the model `n` times on the same inputs.

        Args:
            n: Number of inferences.
            trace: Take the CRC of each layer's output, for `layer_crcs()`.
            quiet: Leave the model alone: no layer times, but the stack is measured.

        Raises:
            DeviceFaultError: If the model's run function returned an error.
        """
        flags = (RunFlag.TRACE if trace else RunFlag.NONE) | (
            RunFlag.QUIET if quiet else RunFlag.NONE
        )
        result = parse_run_result(
            self._exchange.request(Message.RUN, struct.pack("<IB", n, int(flags)))
        )
        if result.model_status != 0:
            raise DeviceFaultError(
                f"{self._exchange.name}: {self.identity.name}_run returned {result.model_status} "
                f"in run {result.runs} of {n}; 0 is success"
            )
        return result

    def read_outputs(self) -> list[bytes]:
        """All model outputs."""
        chunks = self._chunks()
        return [chunks.read_output(i, io.size_bytes) for i, io in enumerate(self._outputs)]

    def layer_times(self) -> list[int]:
        """Time of each layer in the last run that was not quiet, in the device's unit."""
        times: list[int] = []
        for first, count in self._layer_ranges():
            body = self._exchange.request(Message.LAYER_TIMES, _RANGE.pack(first, count))
            times += parse_layer_times(body, count)
        return times

    def layer_crcs(self) -> list[LayerCrc]:
        """CRC-32 of each layer's output in the last traced run."""
        crcs: list[LayerCrc] = []
        for first, count in self._layer_ranges():
            body = self._exchange.request(Message.LAYER_CRCS, _RANGE.pack(first, count))
            crcs += parse_layer_crcs(body, count)
        return crcs

    def read_layer(
        self,
        layer: int,
        size_bytes: int,
        *,
        offset: int = 0,
        rewind: Callable[[], None] | None = None,
    ) -> bytes:
        """A part of a layer's output; the model runs once more per chunk of about 1,000 bytes.

        Args:
            layer: Which layer.
            size_bytes: How much of it.
            offset: From where on.
            rewind: Called before each chunk: brings a model with state to where it was before the
                inference in question.
        """
        return self._chunks().read_layer(layer, offset, size_bytes, rewind)

    def stats(self) -> Stats:
        """Stack use and counters."""
        return parse_stats(self._exchange.request(Message.STATS))

    def fault(self) -> FaultReport:
        """The last fault, and why the device last started."""
        return parse_fault(self._exchange.request(Message.FAULT))

    def reset_state(self) -> None:
        """Lets the model forget all earlier inferences; nothing happens if it keeps nothing."""
        self._exchange.request(Message.RESET_STATE)

    def reset(self) -> None:
        """Restarts the device; `identify()` again afterwards."""
        self._exchange.request(Message.RESET)
        self._identity = None

    def _describe(self, is_output: int, index: int) -> IoInfo:
        body = struct.pack("<BH", is_output, index)
        return parse_io(self._exchange.request(Message.DESCRIBE_IO, body))

    def _chunks(self) -> Transfer:
        if self._transfer is None:
            raise LinkError(f"{self._exchange.name}: identify() opens the session; call it first")
        return self._transfer

    def _layer_ranges(self) -> list[tuple[int, int]]:
        layers = self.identity.layer_count
        return [(i, min(_LAYERS_AT_ONCE, layers - i)) for i in range(0, layers, _LAYERS_AT_ONCE)]
