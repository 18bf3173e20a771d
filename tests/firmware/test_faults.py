"""A firmware that faults, hangs or dies is reported as such, in seconds."""

from __future__ import annotations

import time

import pytest

from tests.firmware.firmwares import (
    EMULATED,
    MODE_BAD_ADDRESS,
    MODE_FAULT,
    MODE_HANG,
    MODE_NORMAL,
    fake_firmware,
    fake_input,
    fake_layers,
)
from tests.firmware.test_fake_model import BOARDS, mode, needs_emulator
from tinycc_ml.errors import DeviceFaultError, LinkError, ToolchainError
from tinycc_ml.runner.exchange import Timing
from tinycc_ml.runner.process import ChildProcess
from tinycc_ml.runner.protocol import ResetReason
from tinycc_ml.runner.qemu import running_qemu
from tinycc_ml.runner.sessions import open_device
from tinycc_ml.targets import load_board

USAGE_FAULT, BUS_FAULT = 6, 5
ILLEGAL, STORE_FAULT = 2, 7
SIGILL, SIGSEGV = 4, 11


@pytest.mark.parametrize("board_name", BOARDS)
@pytest.mark.parametrize("number", [MODE_FAULT, MODE_BAD_ADDRESS])
def test_a_fault_ends_the_run_and_the_next_session_works(board_name: str, number: int) -> None:
    board = load_board(board_name)
    on = "host" if board.is_host else "qemu"
    image = fake_firmware(board_name)
    with open_device(image, board, on=on) as device:
        device.write_inputs([fake_input(), mode(number)])
        with pytest.raises(DeviceFaultError, match="RUN: the firmware faulted: exception"):
            device.run()
        report = device.fault()
        assert report.recorded
        assert report.layers_done == 1
        family = board.core_data.family
        if family in ("host", "aarch64"):
            assert report.reset_reason is ResetReason.SOFTWARE
            assert report.cause == (SIGILL if number == MODE_FAULT else SIGSEGV)
        elif family == "riscv":
            assert report.cause == (ILLEGAL if number == MODE_FAULT else STORE_FAULT)
            assert 0x8000_0000 <= report.pc < 0x8001_0000
        else:
            assert report.cause == (USAGE_FAULT if number == MODE_FAULT else BUS_FAULT)
            assert report.cfsr != 0
            assert 0 < report.pc < 0x10000
        # The inputs are lost: nothing may run before a new session fills them again.
        with pytest.raises(DeviceFaultError, match="restarted"):
            device.run()
        device.identify()
        device.write_inputs([fake_input(), mode(MODE_NORMAL)])
        device.run()
        assert device.read_outputs()[0] == fake_layers(fake_input())[2]


@pytest.mark.parametrize(
    "board_name", [*BOARDS[:1], pytest.param("mps2-an500", marks=needs_emulator)]
)
def test_a_hanging_model_is_given_up(board_name: str) -> None:
    board = load_board(board_name)
    with open_device(
        fake_firmware(board_name),
        board,
        on="host" if board.is_host else "qemu",
        timing=Timing(busy_s=1.5),
    ) as device:
        device.write_inputs([fake_input(), mode(MODE_HANG)])
        started = time.monotonic()
        with pytest.raises(LinkError, match="no sign of life for"):
            device.run()
        assert time.monotonic() - started < 10


@needs_emulator
def test_an_emulator_that_dies_is_named() -> None:
    board = load_board("mps2-an500")
    assert board.emulator is not None
    nonsense = board.emulator.model_copy(update={"machine": "no-such-machine"})
    with (
        pytest.raises(ToolchainError, match="QEMU no-such-machine ended with exit code 1"),
        open_device(fake_firmware("mps2-an500"), board.model_copy(update={"emulator": nonsense})),
    ):
        pass


@needs_emulator
def test_an_interrupted_session_leaves_no_process_behind() -> None:
    seen: list[ChildProcess] = []
    emulator = load_board("mps2-an500").emulator
    assert emulator is not None

    def interrupted() -> None:
        with running_qemu(fake_firmware("mps2-an500").elf, emulator) as (child, _):
            seen.append(child)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not seen[0].is_running


def test_emulated_boards_are_those_of_the_issue() -> None:
    assert [load_board(name).core for name in EMULATED] == [
        "cortex-m3",
        "cortex-m4",
        "cortex-m7",
        "cortex-m55",
        "rv32imac",
        "rv64gc",
        "rv64gcv",
    ]
