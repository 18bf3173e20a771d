"""The protocol over a line that damages one byte in a hundred, in both directions."""

from __future__ import annotations

import random

import pytest

from tests.firmware.firmwares import INPUT_BYTES, fake_firmware, fake_layers
from tests.runner.lossy import LossyStream
from tinycc_ml.runner.device import Device
from tinycc_ml.runner.exchange import Timing
from tinycc_ml.runner.host_process import running_program
from tinycc_ml.runner.link import open_link

# 10,000 in all; in parts, so that several workers can share them.
PARTS = 4
REQUESTS = 10_000 // PARTS
# An answer comes within a fraction of a millisecond here, if it comes at all.
TIMING = Timing(attempt_s=0.002, longest_attempt_s=0.008, answer_s=30.0, busy_s=30.0)


@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_requests_are_answered_right_and_executed_once(part: int) -> None:
    source = random.Random(part)
    with running_program(fake_firmware("host").elf) as (_, url), open_link(url) as link:
        line = LossyStream(link, percent=1.0, seed=11 + part)
        device = Device(line, TIMING)
        device.identify()
        runs = 0
        for number in range(REQUESTS):
            if number % 10 == 0:
                assert device.run().runs == 1
                runs += 1
            else:
                data = source.randbytes(source.randrange(33))
                assert device.ping(data) == data
        stats = device.stats()
        assert stats.runs == runs
        assert stats.frames_accepted > REQUESTS
        assert stats.frames_damaged > REQUESTS // 20
        assert stats.requests_repeated > 0
        assert device.repeats > REQUESTS // 10
        assert line.bytes_damaged > REQUESTS // 10


def test_tensors_arrive_whole_because_chunks_shrink() -> None:
    source = random.Random(8)
    with running_program(fake_firmware("host").elf) as (_, url), open_link(url) as link:
        device = Device(LossyStream(link, percent=1.0, seed=12), TIMING)
        device.identify()
        for _ in range(3):
            data = source.randbytes(INPUT_BYTES)
            device.write_inputs([data, bytes(4)])
            device.run(trace=True)
            assert device.read_outputs() == [fake_layers(data)[2], bytes(4)]
