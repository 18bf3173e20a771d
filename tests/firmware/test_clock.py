"""The clock of the emulated machines counts single instructions."""

from __future__ import annotations

import pytest

from tests.firmware.firmwares import EMULATED, nop_firmware
from tests.firmware.test_fake_model import emulated
from tinycc_ml.runner.sessions import open_device
from tinycc_ml.targets import load_board

NOPS = [0, 0, 1, 2, 3, 13, 31, 32, 39, 40, 41, 100, 1000, 12345]


@pytest.mark.parametrize("board_name", list(map(emulated, EMULATED)))
def test_counts_are_exact_and_repeatable(board_name: str) -> None:
    with open_device(nop_firmware(board_name), load_board(board_name)) as device:
        device.write_inputs([b"\0"])
        counts = []
        for _ in range(5):
            device.run()
            counts.append(device.layer_times())
        assert device.identity.timer_resolution == 1
        quiet = [device.run(quiet=True).total for _ in range(5)]
    # The first layer includes the entry to the run function. In the others the compiler may set
    # up the hook's arguments in an instruction or two more or less than where it was calibrated.
    errors = {got - nops for run in counts for got, nops in zip(run[2:], NOPS[2:], strict=True)}
    assert all(-3 <= error <= 3 for error in errors)
    assert len(set(quiet)) == 1
    assert all(run == counts[0] for run in counts)
    # Hooks that do nothing take some instructions for each layer.
    assert sum(NOPS) < quiet[0] < sum(NOPS) + 20 * len(NOPS)
