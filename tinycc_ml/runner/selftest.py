"""A look at a board and its serial line that takes seconds, before anything longer is tried."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from tinycc_ml.errors import DeviceFaultError
from tinycc_ml.runner.device import Device

_PING_BYTES = 512
_PING_S = 2.0
_MOST_PINGS = 200
#: However slow a model is, it runs no longer than about this.
_RUN_S = 5.0
_MOST_RUNS = 10


@dataclass(frozen=True, slots=True)
class BoardCheck:
    """What was found.

    Attributes:
        model: Name of the model in the firmware.
        model_sha256: Its file's digest.
        clock_hz: The core's clock; 0 if unknown.
        bytes_per_second: What the line carries in both directions together.
        repeats: Requests that had to be sent again: more than a few mean a bad line.
        runs: Inferences, on zeros; all gave the same outputs.
        shortest: Time of the shortest run, in units of which there are `units_per_second`.
        longest: The same of the longest.
        units_per_second: Frequency of the device's clock for times.
        stack_used_bytes: Deepest stack of an inference.
        stack_bytes: The whole stack; 0 if unknown.
    """

    model: str
    model_sha256: str
    clock_hz: int
    bytes_per_second: int
    repeats: int
    runs: int
    shortest: int
    longest: int
    units_per_second: int
    stack_used_bytes: int
    stack_bytes: int


def check_board(device: Device) -> BoardCheck:
    """Pings with random bytes, then runs the model on zeros, always twice.

    Args:
        device: A device whose session is open.

    Raises:
        LinkError: If it does not answer.
        DeviceFaultError: If the firmware faults, or the same inputs give other outputs.
    """
    source = random.Random(0)
    bytes_per_second = _ping(device, source)
    runs, shortest, longest = _run_twice(device)
    identity, stats = device.identity, device.stats()
    return BoardCheck(
        model=identity.name,
        model_sha256=identity.model_hash.hex(),
        clock_hz=identity.clock_hz,
        bytes_per_second=bytes_per_second,
        repeats=device.repeats,
        runs=runs,
        shortest=shortest,
        longest=longest,
        units_per_second=identity.timer_hz,
        stack_used_bytes=stats.stack_used_bytes,
        stack_bytes=stats.stack_size_bytes,
    )


def _ping(device: Device, source: random.Random) -> int:
    start, pings = time.monotonic(), 0
    while pings < _MOST_PINGS and time.monotonic() - start < _PING_S:
        data = source.randbytes(_PING_BYTES)
        if device.ping(data) != data:
            raise DeviceFaultError("PING: the device sent back other bytes than it was sent")
        pings += 1
    return int(2 * _PING_BYTES * pings / (time.monotonic() - start))


def _run_twice(device: Device) -> tuple[int, int, int]:
    start = time.monotonic()
    times: list[int] = []
    while not times or (len(times) < _MOST_RUNS and time.monotonic() - start < _RUN_S):
        # Zeros are harmless whatever an input means: an index, a truth value, a float.
        device.write_inputs([bytes(io.size_bytes) for io in device.inputs])
        outputs = []
        for _ in range(2):
            device.reset_state()
            times.append(device.run(quiet=True).total)
            outputs.append(device.read_outputs())
        if outputs[0] != outputs[1]:
            raise DeviceFaultError(
                "RUN: the same inputs gave other outputs the second time; are clock, supply and "
                "wait states of the flash right?"
            )
    return len(times), min(times), max(times)
