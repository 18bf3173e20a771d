"""Estimates of a whole model in QEMU: what is counted is what ran, and counting changes nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.firmware.firmwares import WARNINGS
from tests.firmware.test_fake_model import needs_emulator
from tests.shared_data import REPOSITORY
from tinycc_ml._resources import resource_dir
from tinycc_ml.cli.device import build
from tinycc_ml.compiler import compile_model
from tinycc_ml.errors import InternalError, ToolchainError
from tinycc_ml.runner import count_cycles, measure, open_device, why_no_estimate
from tinycc_ml.runner.cycles.plugin import build_plugin
from tinycc_ml.targets import load_board

DIGITS = REPOSITORY / "examples" / "digits" / "digits.tflite"
PLUGIN = resource_dir("firmware_harness") / "qemu" / "block_counts.c"
BOARDS = ["nucleo-g0b1re", "mps2-an386", "mps2-an500"]


@needs_emulator
@pytest.mark.parametrize("board_name", BOARDS)
def test_all_that_ran_is_counted_and_nothing_else(board_name: str, tmp_path: Path):
    compilation = compile_model(DIGITS, load_board(board_name))
    layer_count = len(compilation.manifest.layers)
    image = build(compilation, "qemu", tmp_path).image
    counter = count_cycles(image.elf, compilation.board.core, tmp_path)
    with open_device(image, compilation.board, plugin=counter.plugin_option) as device:
        watched = measure(device, 2)
        estimate = counter.estimate(layer_count)
        with pytest.raises(InternalError, match=f"{layer_count + 3} layers"):
            counter.estimate(layer_count + 3)
    with open_device(image, compilation.board) as device:
        assert measure(device, 2) == watched
    # The clock also counts the hooks that return at once, and the call of the run function.
    harness = watched.total - estimate.instructions
    assert 4 * layer_count <= harness <= 4 * layer_count + 8
    assert len(estimate.layers) == layer_count
    # What is left is the end of the run function: some registers from the stack.
    assert 0 < estimate.total - sum(estimate.layers) < 100
    if board_name != "mps2-an500":
        # One instruction at a time: no layer takes fewer cycles than instructions.
        for cycles, instructions in zip(estimate.layers, watched.layers, strict=True):
            assert cycles > 0.98 * instructions


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_the_plugin_compiles_without_a_warning(compiler: str, tmp_path: Path):
    command = [compiler, "-std=c11", "-O2", "-fPIC", "-shared", *WARNINGS]
    version = "-DTCML_QEMU_PLUGIN_VERSION=1"
    done = subprocess.run(
        [*command, version, PLUGIN, "-o", tmp_path / "p.so"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_plugin_says_so_if_it_cannot_write(tmp_path: Path):
    plugin = build_plugin(tmp_path)
    command = ["qemu-system-arm", "-machine", "mps2-an386", "-display", "none"]
    done = subprocess.run(
        [*command, "-plugin", f"{plugin},output={tmp_path}/none/x"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "output= is missing or cannot be written" in done.stderr


def test_a_core_without_a_table():
    assert why_no_estimate("cortex-m55").startswith("no cost table for cortex-m55 (there is one")
    assert why_no_estimate("cortex-m4") == ""


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why_no_estimate("cortex-m4") == "no C compiler for this machine (cc): install gcc"
    script(tmp_path, "cc", "echo 'no such thing' >&2; exit 1")
    assert why_no_estimate("cortex-m4") == "qemu-system-arm is not installed"
    script(tmp_path, "qemu-system-arm", "echo 'QEMU emulator version 9.2.1'")
    assert why_no_estimate("cortex-m4") == "this qemu-system-arm was built without plugins"
    script(tmp_path, "qemu-system-arm", "echo '-plugin [file=]<file>'")
    assert why_no_estimate("cortex-m4") == ""
    with pytest.raises(ToolchainError, match="cannot build the QEMU plugin") as error:
        build_plugin(tmp_path)
    assert error.value.details == "no such thing\n"
    with pytest.raises(ToolchainError, match="arm-none-eabi-objdump is not installed"):
        count_cycles(tmp_path / "x.elf", "cortex-m4", tmp_path)


@pytest.mark.parametrize(
    ("printed", "version"),
    [("QEMU emulator version 7.2.22 (Debian)", 1), ("QEMU emulator version 9.0.0", 2),
     ("QEMU emulator version 10.1.2", 2)],
)  # fmt: skip
def test_the_plugins_interface_is_the_emulators(
    printed: str, version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    script(tmp_path, "qemu-system-arm", f"echo '{printed}'")
    script(tmp_path, "cc", 'echo "$@" > "${0%cc}arguments"')
    build_plugin(tmp_path)
    assert f"-DTCML_QEMU_PLUGIN_VERSION={version} " in (tmp_path / "arguments").read_text()


def test_a_file_that_is_no_program(tmp_path: Path):
    (tmp_path / "x.elf").write_text("nothing")
    with pytest.raises(ToolchainError, match=r"cannot read x\.elf"):
        count_cycles(tmp_path / "x.elf", "cortex-m4", tmp_path)
