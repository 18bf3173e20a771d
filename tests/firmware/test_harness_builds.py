"""Every port compiles without a warning, and says plainly why if it cannot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.firmware.firmwares import EMULATED, HERE, WARNINGS, fake_firmware
from tests.firmware.test_fake_model import needs_emulator
from tinycc_ml._resources import resource_dir
from tinycc_ml.errors import BoardError, ToolchainError
from tinycc_ml.runner.firmware import build_firmware
from tinycc_ml.targets import load_board

HARNESS = resource_dir("firmware_harness")
CLANG_TARGETS = {
    "mps2": "thumbv7em-none-eabi",
    "mps3": "thumbv8.1m.main-none-eabi",
    "stm32f7": "thumbv7em-none-eabi",
    "virt": "riscv32-unknown-elf",
    "posix": "",
}


@needs_emulator
@pytest.mark.parametrize(
    ("board", "optimize"),
    [*((name, "-O2") for name in (*EMULATED, "nucleo-f746")), ("mps2-an385", "-Os")],
)
def test_every_board_builds_without_warnings(board: str, optimize: str) -> None:
    image = fake_firmware(board, optimize=optimize)
    sizes = image.sizes()
    assert set(sizes) == {"fake_model", "fake_glue"}
    assert sizes["fake_model"].text_bytes > 50
    assert sizes["fake_model"].bss_bytes == 6000


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
@pytest.mark.parametrize("port", CLANG_TARGETS)
def test_clang_finds_nothing_either(port: str) -> None:
    target = CLANG_TARGETS[port]
    emulated = ["ports/emulated"] if port.startswith("mps") else []
    startup = {"virt": ["startup_riscv"], "posix": []}.get(port, ["startup"])
    folders = ["include", "src", f"ports/{port}", *emulated, *startup]
    sources = [p for f in folders for p in sorted((HARNESS / f).glob("*.c"))]
    clock_hz = 216_000_000 if port == "stm32f7" else 25_000_000
    command = [
        "clang",
        *([f"--target={target}", "-ffreestanding"] if target else []),
        "-std=c11",
        "-O2",
        "-fsyntax-only",
        *WARNINGS,
        "-DTCML_LAYER_COUNT=3",
        f"-DTCML_CLOCK_HZ={clock_hz}u",
        "-DTCML_TIMER_HZ=25000000u",
        "-DTCML_BAUD=115200u",
        *(f"-I{HARNESS / f}" for f in folders),
        *map(str, sources),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_board_without_a_port_is_refused(tmp_path: Path) -> None:
    board = load_board("mps2-an500").model_copy(update={"firmware": None})
    with pytest.raises(BoardError, match="no firmware for this board"):
        build_firmware([], [], board, tmp_path, layer_count=1)


def test_a_missing_compiler_names_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainError, match="apt-get install gcc-arm-none-eabi"):
        build_firmware([], [], load_board("mps2-an500"), tmp_path, layer_count=1)


def test_a_compile_error_carries_the_compilers_words(tmp_path: Path) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int f(void) { return nothing; }\n")
    with pytest.raises(ToolchainError, match=r"broken\.c:1:\d+: error:.*nothing") as caught:
        build_firmware([source], [HERE], load_board("host"), tmp_path / "b", layer_count=1)
    assert "-DTCML_LAYER_COUNT=1" in caught.value.details


def test_files_are_short() -> None:
    for path in HARNESS.rglob("*.[chl]*"):
        assert len(path.read_text().splitlines()) <= 400, path
