"""The whole way: build, start, serve, on the host and on every emulated core."""

from __future__ import annotations

import shutil
import zlib

import pytest
from _pytest.mark import ParameterSet

from tests.firmware.firmwares import (
    EMULATED,
    INPUT_BYTES,
    MODE_ERROR,
    MODE_NORMAL,
    MODE_STACK,
    STACK_BYTES,
    fake_firmware,
    fake_input,
    fake_layers,
)
from tinycc_ml.errors import DeviceFaultError
from tinycc_ml.runner.protocol import TimeUnit
from tinycc_ml.runner.sessions import open_device
from tinycc_ml.targets import load_board, toolchain_of

needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)


def emulated(name: str) -> ParameterSet:
    """A board as a parameter: its test needs its compiler and its emulator."""
    board = load_board(name)
    assert board.emulator is not None
    tools = (toolchain_of(board).compiler, board.emulator.program)
    missing = [tool for tool in tools if shutil.which(tool) is None]
    return pytest.param(name, marks=pytest.mark.skipif(bool(missing), reason=f"no {missing}"))


BOARDS = ["host", *map(emulated, (*EMULATED, "linux-aarch64"))]
PARTNO = {"mps2-an385": 0xC23, "mps2-an386": 0xC24, "mps2-an500": 0xC27, "mps3-an547": 0xD22}


def mode(number: int) -> bytes:
    return bytes((number, 2, 3, 4))


@pytest.mark.parametrize("board_name", BOARDS)
def test_everything_a_session_can_do(board_name: str) -> None:
    board = load_board(board_name)
    on = "host" if board.is_host else "qemu"
    data = fake_input()
    expected = fake_layers(data)
    with open_device(fake_firmware(board_name), board, on=on) as device:
        identity = device.identity
        assert identity.name == "fake"
        assert identity.model_hash == b"\xfa\x4e\x00\x01" + bytes(28)
        assert identity.layer_count == 3
        assert identity.arena_bytes == 2 * INPUT_BYTES
        assert (identity.core_id >> 4) & 0xFFF == PARTNO.get(board_name, 0)
        assert [(io.name, io.size_bytes) for io in device.inputs] == [
            ("input", INPUT_BYTES),
            ("mode", 4),
        ]
        assert [io.name for io in device.outputs] == ["output", "echo"]

        device.write_inputs([data, mode(MODE_NORMAL)])
        result = device.run(3, trace=True)
        assert result.runs == 3
        assert result.shortest <= result.longest
        assert 3 * result.shortest <= result.total <= 3 * result.longest
        assert device.read_outputs() == [expected[2], mode(MODE_NORMAL)]

        times = device.layer_times()
        assert len(times) == 3
        assert 0 < sum(times) <= result.longest
        if identity.timer_unit == TimeUnit.INSTRUCTIONS:
            assert result.shortest == result.longest
            # A loop over 3,000 bytes with at least one instruction for each, vectors apart.
            assert all(t >= INPUT_BYTES // 16 for t in times)

        crcs = device.layer_crcs()
        assert [c.crc for c in crcs] == [zlib.crc32(layer) for layer in expected]
        assert [c.size_bytes for c in crcs] == [INPUT_BYTES] * 3
        assert device.read_layer(1, INPUT_BYTES) == expected[1]
        assert device.read_layer(0, 20, offset=2980) == expected[0][2980:]

        device.run(quiet=True)
        plain = device.stats()
        device.write_inputs([data, mode(MODE_STACK)])
        device.run(quiet=True)
        used = device.stats()
        assert 0 < plain.stack_used_bytes < 1000
        assert STACK_BYTES <= used.stack_used_bytes < STACK_BYTES + 1000
        assert used.stack_size_bytes > 100_000
        assert used.frames_damaged == 0

        assert not device.fault().recorded
        device.write_inputs([data, mode(MODE_ERROR)])
        with pytest.raises(DeviceFaultError, match="fake_run returned 7 in run 1 of 2"):
            device.run(2)


@pytest.mark.parametrize("board_name", BOARDS)
def test_without_trace_layers_are_not_recorded(board_name: str) -> None:
    board = load_board(board_name)
    with open_device(
        fake_firmware(board_name, trace=False), board, on="host" if board.is_host else "qemu"
    ) as device:
        device.write_inputs([fake_input(), mode(MODE_NORMAL)])
        assert device.run(2).total > 0
        assert device.read_outputs()[0] == fake_layers(fake_input())[2]
        with pytest.raises(Exception, match="not recorded"):
            device.layer_times()


def test_reset_forgets_the_session_and_starts_a_new_one() -> None:
    with open_device(fake_firmware("host"), load_board("host"), on="host") as device:
        device.write_inputs([fake_input(), mode(MODE_NORMAL)])
        device.reset()
        with pytest.raises(DeviceFaultError, match=r"restarted.*software"):
            device.run()
        device.identify()
        device.run()
