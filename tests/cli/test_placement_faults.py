"""`validate` finds start-up code that does not copy what was placed in RAM."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import DIGITS, DIGITS_DATA
from tinycc_ml.compiler import compile_model, generate
from tinycc_ml.emit import Manifest, write_project
from tinycc_ml.errors import TinyccError
from tinycc_ml.placement import Where
from tinycc_ml.runner import build_project, infer, open_device
from tinycc_ml.runner.exchange import Timing
from tinycc_ml.runner.firmware import FirmwareImage
from tinycc_ml.runner.qemu import running_qemu
from tinycc_ml.targets import load_board


def forgetful(
    folder: Path, forgotten: str, hot_code: Where, weights: Where
) -> tuple[FirmwareImage, Manifest]:
    """A firmware whose start-up code takes a section that it has to copy for empty."""
    board = load_board("mps2-an386")
    compilation = compile_model(DIGITS, board, hot_code=hot_code, weights=weights)
    files = generate(compilation)
    files["digits_sections.ld"], count = re.subn(
        rf"tcml_{forgotten}_end = \.;",
        f"tcml_{forgotten}_end = tcml_{forgotten}_start;",
        files["digits_sections.ld"],
    )
    assert count == 1
    write_project(folder / "project", files)
    built = build_project(folder / "project", board, "qemu", folder / "build")
    return built.image, compilation.manifest


def test_weights_that_were_not_copied_are_found(cli, tmp_path):
    image, _ = forgetful(tmp_path, "hot_weights", "flash", "ram")
    arguments = ("--board", "mps2-an386", "--on", "serial", "--data", DIGITS_DATA)
    emulator = load_board("mps2-an386").emulator
    assert emulator is not None
    with running_qemu(image.elf, emulator) as (_, port):
        result = cli("validate", DIGITS, *arguments, "--port", port, "--json")
    assert result.code == 1
    assert result.json["identical"] < result.json["total"]
    assert result.json["first_mismatch"]["layer"].startswith("n00")


def test_code_that_was_not_copied_is_found(tmp_path):
    """Nothing but zeros to run: the core wanders through the RAM, or faults in it."""
    image, manifest = forgetful(tmp_path, "hot_code", "ram", "flash")
    sample = np.zeros(manifest.inputs[0].shape, np.int8)
    with (
        pytest.raises(TinyccError, match=r"fault|Lockup|no sign of life"),
        open_device(image, load_board("mps2-an386"), timing=Timing(busy_s=2.0)) as device,
    ):
        infer(device, [sample], manifest.outputs)
