"""Calls of CMSIS-NN (or its stand-in) on emulated cores and on the host: the reference's bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.cmsis_nn import LIBRARY
from tests.kernels.cmsis_nn.cases import FAMILIES, accepted
from tests.kernels.dsp.batch import batch_source, check_batch, compile_batch, run_batch
from tests.kernels.dsp.test_meaning import interpreted
from tinycc_ml.kernels.cmsis_nn import HEADER, base
from tinycc_ml.runner.cmsis_nn import needed_files
from tinycc_ml.runner.firmware import build_firmware
from tinycc_ml.targets import load_board

needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
BOARDS = {"mps2-an385": "c", "mps2-an386": "dsp", "mps3-an547": "mve"}


def source(cases) -> str:
    return f"#include <{HEADER}>\n{batch_source(cases)}"


def check(cases, board: str, folder: Path) -> None:
    include = LIBRARY / "Include"
    batch = compile_batch(cases, board, folder, ("-O2", "-isystem", str(include)), source)
    library = needed_files(LIBRARY, [folder / "batch.c"])
    assert library
    (folder / "empty.c").write_text("typedef int nothing;\n")
    image = build_firmware(
        [folder / "empty.c", *library.sources],
        [library.include_dir],
        load_board(board),
        folder / "build",
        layer_count=1,
        extra_flags=[str(batch), "-Wl,--no-warn-execstack"],
        trace=False,
    )
    check_batch(cases, run_batch(image, board))


@pytest.mark.parametrize("family", FAMILIES)
def test_meanings_are_the_references(family):
    for isa in base.ISAS:
        for case in accepted(family, isa, 3, seed=5):
            assert np.array_equal(interpreted(case), case.expected)


@needs_emulator
@pytest.mark.parametrize("board", BOARDS)
def test_drawn_layers(board, tmp_path):
    cases = [c for family in FAMILIES for c in accepted(family, BOARDS[board], 6, 40, scale=2)]
    check(cases, board, tmp_path)


@needs_emulator
@pytest.mark.slow
@pytest.mark.parametrize("batch", range(20))
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("board", ["mps2-an386", "mps3-an547"])
def test_five_hundred_layers_each(board, family, batch, tmp_path):
    cases = accepted(family, BOARDS[board], 25, 10_000 * (batch + 1), scale=3)
    check(cases, board, tmp_path)


@needs_emulator
def test_too_small_a_scratch_is_found(monkeypatch, tmp_path):
    from tinycc_ml.kernels.cmsis_nn import convolution

    monkeypatch.setattr(convolution, "conv_bytes", lambda sizes, isa: 4)
    with pytest.raises(AssertionError, match=r"wrong|wrote|scratch"):
        check(accepted("conv2d", "dsp", 12, 40, scale=2), "mps2-an386", tmp_path)
