"""Bodies of the messages as dataclasses (docs/protocol.md, "Messages").

Every parser checks the length before it reads: whatever a device sends, the worst that happens is
a `LinkError`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tinycc_ml.errors import LinkError
from tinycc_ml.runner.protocol import ResetReason, TimeUnit

LONGEST_NAME_BYTES = 64
# Far more than any network on a microcontroller; bounds what a hostile device can make us ask.
MOST_LAYERS = 4096
MOST_IO = 256

_IDENTITY = struct.Struct("<BBHHHHIIIIII32sB")
_IO = struct.Struct("<IB")
_RUN_RESULT = struct.Struct("<iIQQQ")
_STATS = struct.Struct("<IIIIII")
_FAULT = struct.Struct("<BBIIIIIIIIII")


@dataclass(frozen=True, slots=True)
class IoInfo:
    """A model input or output."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself.

    Attributes:
        protocol_version: The one that it will speak.
        name: Name of the model.
        model_hash: SHA-256 of the model file.
        input_count: Number of model inputs.
        output_count: Number of model outputs.
        layer_count: Number of layers that it can time.
        arena_bytes: Size of the model's static arena.
        stack_size_bytes: Size of the whole stack, 0 if unknown.
        clock_hz: Core clock, 0 if unknown.
        timer_unit: What times are counted in.
        timer_hz: Units per second.
        timer_resolution: Smallest difference of times, in units.
        core_id: Arm CPUID register, 0 on other machines.
        max_body_bytes: Longest packet body that it can take or give.
    """

    protocol_version: int
    name: str
    model_hash: bytes
    input_count: int
    output_count: int
    layer_count: int
    arena_bytes: int
    stack_size_bytes: int
    clock_hz: int
    timer_unit: TimeUnit
    timer_hz: int
    timer_resolution: int
    core_id: int
    max_body_bytes: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """What RUN gave; times in the device's unit.

    Attributes:
        model_status: What the model's run function returned last; 0 is success.
        runs: How many runs there were; a failing one is the last.
        total: Time of all runs.
        shortest: Time of the fastest run.
        longest: Time of the slowest run.
    """

    model_status: int
    runs: int
    total: int
    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class LayerCrc:
    """CRC-32 and size of a layer's whole output."""

    crc: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Counters of the device since its start.

    Attributes:
        stack_used_bytes: Stack that the last quiet run took; 0 before the first one.
        stack_size_bytes: Size of the whole stack; 0 if the device does not know it.
        frames_accepted: Requests that arrived whole.
        frames_damaged: Pieces between delimiters that did not.
        requests_repeated: Requests answered again without being executed again.
        runs: Inferences.
    """

    stack_used_bytes: int
    stack_size_bytes: int
    frames_accepted: int
    frames_damaged: int
    requests_repeated: int
    runs: int


@dataclass(frozen=True, slots=True)
class FaultReport:
    """The device's last fault and why it last started.

    Attributes:
        reset_reason: Why it last started.
        recorded: Whether there is a fault on record; if not, all else is 0.
        cause: Arm exception number (3 HardFault to 6 UsageFault), or POSIX signal number.
        cfsr: Configurable Fault Status Register; like the next ones, 0 on POSIX.
        hfsr: HardFault Status Register.
        mmfar: MemManage Fault Address Register.
        bfar: BusFault Address Register.
        pc: Address of the instruction.
        lr: Link register.
        sp: Stack pointer after the core pushed its frame.
        psr: Program status register.
        layers_done: Layers that the run had completed.
    """

    reset_reason: ResetReason
    recorded: bool
    cause: int
    cfsr: int
    hfsr: int
    mmfar: int
    bfar: int
    pc: int
    lr: int
    sp: int
    psr: int
    layers_done: int

    def __str__(self) -> str:
        if not self.recorded:
            return f"no fault on record (reset reason: {self.reset_reason.name.lower()})"
        registers = ("pc", "lr", "sp", "psr", "cfsr", "hfsr", "mmfar", "bfar")
        values = " ".join(f"{r}=0x{getattr(self, r):08x}" for r in registers)
        return f"exception {self.cause} after {self.layers_done} layers: {values}"


def _unpack(layout: struct.Struct, body: bytes, what: str) -> tuple[int, ...]:
    if len(body) != layout.size:
        raise LinkError(
            f"{what}: the device sent {len(body)} bytes, protocol version 1 says {layout.size}; "
            "is its firmware of this version of tinycc-ml?"
        )
    return layout.unpack(body)


def _name(body: bytes, length: int, what: str) -> str:
    if len(body) != length or length > LONGEST_NAME_BYTES:
        raise LinkError(f"{what}: the device sent a name of {len(body)} bytes, not {length}")
    text = body.decode("utf-8", errors="replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def parse_identity(body: bytes) -> Identity:
    """Parses the answer to IDENTIFY."""
    fields = _unpack(_IDENTITY, body[: _IDENTITY.size], "IDENTIFY")
    version, unit, max_body, inputs, outputs, layers, arena, stack = fields[:8]
    clock, hz, resolution, core, _, name_bytes = fields[8:]
    model_hash = body[_IDENTITY.size - 33 : _IDENTITY.size - 1]
    if unit not in set(TimeUnit) or hz == 0 or max_body < 64:
        raise LinkError(
            f"IDENTIFY: impossible time unit {unit}, {hz} Hz or body of {max_body} bytes"
        )
    if layers > MOST_LAYERS or inputs > MOST_IO or outputs > MOST_IO:
        raise LinkError(
            f"IDENTIFY: impossible counts: {layers} layers, {inputs} + {outputs} tensors"
        )
    return Identity(
        protocol_version=version,
        name=_name(body[_IDENTITY.size :], name_bytes, "IDENTIFY"),
        model_hash=model_hash,
        input_count=inputs,
        output_count=outputs,
        layer_count=layers,
        arena_bytes=arena,
        stack_size_bytes=stack,
        clock_hz=clock,
        timer_unit=TimeUnit(unit),
        timer_hz=hz,
        timer_resolution=resolution,
        core_id=core,
        max_body_bytes=max_body,
    )


def parse_io(body: bytes) -> IoInfo:
    """Parses the answer to DESCRIBE_IO."""
    size_bytes, length = _unpack(_IO, body[: _IO.size], "DESCRIBE_IO")
    return IoInfo(_name(body[_IO.size :], length, "DESCRIBE_IO"), size_bytes)


def parse_run_result(body: bytes) -> RunResult:
    """Parses the answer to RUN."""
    return RunResult(*_unpack(_RUN_RESULT, body, "RUN"))


def parse_layer_times(body: bytes, count: int) -> list[int]:
    """Parses the answer to LAYER_TIMES for `count` layers."""
    return list(_unpack(struct.Struct(f"<{count}Q"), body, "LAYER_TIMES"))


def parse_layer_crcs(body: bytes, count: int) -> list[LayerCrc]:
    """Parses the answer to LAYER_CRCS for `count` layers."""
    numbers = _unpack(struct.Struct(f"<{2 * count}I"), body, "LAYER_CRCS")
    return [LayerCrc(*pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]


def parse_stats(body: bytes) -> Stats:
    """Parses the answer to STATS."""
    return Stats(*_unpack(_STATS, body, "STATS"))


def parse_fault(body: bytes) -> FaultReport:
    """Parses the answer to FAULT, and what an answer with status FAULT carries."""
    reason, recorded, *registers = _unpack(_FAULT, body, "FAULT")
    known = ResetReason(reason) if reason in set(ResetReason) else ResetReason.UNKNOWN
    return FaultReport(known, bool(recorded), *registers)
