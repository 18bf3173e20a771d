"""The MLPerf Tiny models on emulated RISC-V and 64-bit Arm cores: every byte, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from _pytest.mark import ParameterSet

from tests.end_to_end.devices import running
from tests.end_to_end.golden import MODELS, compiled, golden
from tests.end_to_end.networks import DIGITS
from tests.firmware.test_fake_model import emulated
from tests.oracle import run_tflm
from tinycc_ml.compiler import compile_model
from tinycc_ml.runner import infer
from tinycc_ml.runner.crc import crc32
from tinycc_ml.targets import load_board

BOARDS = ("qemu-rv32", "qemu-rv64", "qemu-rv64-v", "linux-aarch64")
#: One model for each; the others take longer and show the same.
QUICK = {
    ("qemu-rv32", "kws_ref_model"),
    ("qemu-rv64", "ad01_int8"),
    ("qemu-rv64-v", "kws_ref_model"),
    ("linux-aarch64", "kws_ref_model"),
}


def pairs() -> Iterator[ParameterSet]:
    """Every model on every board."""
    for board in BOARDS:
        for model in MODELS:
            slow = [] if (board, model) in QUICK else [pytest.mark.slow]
            yield pytest.param(board, model, marks=[*emulated(board).marks, *slow])


@pytest.mark.parametrize(("board", "model"), [*pairs()])
def test_outputs_and_layers_are_the_goldens(board, model, tmp_path):
    compilation, want = compiled(model, board), golden(model)
    with running(compilation, "qemu", tmp_path) as device:
        sample = want.inputs[want.traced]
        (found,) = infer(device, [sample], compilation.manifest.outputs, trace=True)
        assert found.tobytes() == want.outputs[want.traced].tobytes()
        checksums = [(c.crc, c.size_bytes) for c in device.layer_crcs()]
        counts = device.identity.timer_unit.name == "INSTRUCTIONS"
        assert counts == (load_board(board).core_data.family == "riscv")
        # Plain C takes some instructions for each multiplication; the harness's clock agrees.
        assert not counts or sum(device.layer_times()) > compilation.manifest.macs
    expected = [want.tensors[layer.output] for layer in compilation.manifest.layers]
    assert checksums == [(crc32(t.tobytes()), t.nbytes) for t in expected]


#: A board of each core that another core's emulator runs, or that has its own.
BORROWING = ("saml11-xpro", "rpi-pico2", "rpi-pico2-riscv", "esp32-c3-devkitm-1", "rpi-3", "rpi-5")


@pytest.mark.parametrize("board", [*map(emulated, BORROWING)])
def test_boards_with_other_cores_run_the_example(board, tmp_path):
    compilation = compile_model(DIGITS, load_board(board))
    with np.load(DIGITS.with_name("digits_test.npz")) as data:
        sample = data["inputs"][:1]
    want = run_tflm(DIGITS.read_bytes(), [sample])
    with running(compilation, "qemu", tmp_path, trace=False) as device:
        (found,) = infer(device, [sample], compilation.manifest.outputs)
    assert found.tobytes() == want[0].tobytes()
