"""The board files that come with tinycc-ml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.targets_page import BOARDS_PAGE, TARGETS_PAGE, boards_page, targets_page
from tinycc_ml._resources import resource_dir
from tinycc_ml.targets import (
    CORES,
    Board,
    compile_flags,
    features,
    list_boards,
    load_board,
    toolchain_of,
)
from tinycc_ml.targets.schema import SCHEMA_FILE, schema_text

BOARDS = list_boards()
NAMES = [b.name for b in BOARDS]
EXPECTED = {
    "arduino-nano-33-ble",
    "arduino-uno-r4-minima",
    "arduino-zero",
    "bluepill-f103c8",
    "disco-f407vg",
    "disco-f746ng",
    "ek-ra8m1",
    "esp32-c3-devkitm-1",
    "esp32-c6-devkitc-1",
    "esp32-devkitc",
    "esp32-s3-devkitc-1",
    "hifive1-revb",
    "host",
    "linux-aarch64",
    "longan-nano",
    "lpcxpresso55s69",
    "mps2-an385",
    "mps2-an386",
    "mps2-an500",
    "mps3-an547",
    "nrf52833-dk",
    "nrf52840-dk",
    "nrf5340-dk",
    "nucleo-f091rc",
    "nucleo-f401re",
    "nucleo-f411re",
    "nucleo-f446re",
    "nucleo-f746",
    "nucleo-f767zi",
    "nucleo-g071rb",
    "nucleo-g0b1re",
    "nucleo-g474re",
    "nucleo-h563zi",
    "nucleo-h7a3zi-q",
    "nucleo-l053r8",
    "nucleo-l073rz",
    "nucleo-l476rg",
    "nucleo-l4r5zi",
    "nucleo-l552ze-q",
    "nucleo-u575zi-q",
    "qemu-rv32",
    "qemu-rv64",
    "qemu-rv64-v",
    "rpi-3",
    "rpi-4",
    "rpi-5",
    "rpi-pico",
    "rpi-pico2",
    "rpi-pico2-riscv",
    "saml11-xpro",
    "teensy40",
}
each_board = pytest.mark.parametrize("board", BOARDS, ids=NAMES)


def test_all_boards_are_there():
    assert set(NAMES) == EXPECTED
    assert sorted(NAMES) == NAMES


def test_committed_schema_is_current():
    committed = (resource_dir("boards") / SCHEMA_FILE).read_text(encoding="utf-8")
    assert committed == schema_text(), "run: make schema"


@each_board
def test_name_is_the_file_name(board: Board):
    assert (resource_dir("boards") / f"{board.name}.toml").is_file()


@each_board
def test_every_number_has_a_source(board: Board):
    fields = {source.field for source in board.sources}
    assert "clock_hz" in fields
    for memory in board.memories:
        assert fields & {"memories", f"memories.{memory.name}"}, memory.name
        if memory.wait_states:
            assert f"memories.{memory.name}.wait_states" in fields
        if memory.access_bits != 32:
            assert f"memories.{memory.name}.access_bits" in fields
    assert (board.caches is not None) == ("caches" in fields)
    assert (board.fpu != "none") <= (board.is_host or "fpu" in fields)
    assert (board.platformio is not None) == ("platformio" in fields)
    assert (board.emulator is not None) == ("emulator.timer_hz" in fields)


@each_board
def test_sources_name_existing_memories(board: Board):
    names = {memory.name for memory in board.memories}
    for source in board.sources:
        if match := re.match(r"memories\.([^.]+)", source.field):
            assert match.group(1) in names


@each_board
def test_emulator_is_the_lending_boards(board: Board):
    if board.emulator is None:
        return
    lender = load_board(board.emulator.firmware_of)
    assert lender.emulator is not None
    assert lender.emulator.machine == board.emulator.machine
    assert lender.emulator.timer_hz == board.emulator.timer_hz
    assert lender.firmware is not None
    if board.emulator.is_program:
        assert board.emulator.cpu in ("max", board.core)
        return
    # What the board's core can do, the emulated one must be able to do as well.
    assert features(board) - {"thumb1"} <= features(lender)
    assert (board.fpu == "dp") <= (lender.fpu == "dp")
    # A model that fits the board must also fit the machine that stands in for it.
    assert board.flash_bytes <= lender.flash_bytes
    assert board.largest_block_bytes("ram", "dtcm") <= lender.largest_block_bytes("ram", "dtcm")


def test_nucleo_f746():
    board = load_board("nucleo-f746")
    assert board.title == "Nucleo-F746ZG"
    assert board.clock_hz == 216_000_000
    assert board.flash_bytes == 1024 * 1024
    assert board.ram_bytes == board.largest_block_bytes("ram", "dtcm") == 320 * 1024
    assert compile_flags(board) == (
        "-mcpu=cortex-m7",
        "-mthumb",
        "-mfloat-abi=hard",
        "-mfpu=fpv5-sp-d16",
    )
    assert features(board) == {"thumb2", "dsp", "dual_issue", "umull", "unaligned", "fpu"}
    assert toolchain_of(board).compiler == "arm-none-eabi-gcc"


@pytest.mark.parametrize(
    ("name", "flash_kib", "ram_kib", "block_kib"),
    [
        ("nucleo-l4r5zi", 2048, 640, 640),
        ("nucleo-h7a3zi-q", 2048, 1312, 1024),
        ("nucleo-f446re", 512, 128, 128),
        ("nucleo-g0b1re", 512, 144, 144),
        ("nrf52840-dk", 1024, 256, 256),
        ("rpi-pico", 2048, 264, 264),
        ("mps3-an547", 512, 4608, 4096),
    ],
)
def test_memory_sizes(name: str, flash_kib: int, ram_kib: int, block_kib: int):
    board = load_board(name)
    assert board.flash_bytes == flash_kib * 1024
    assert board.ram_bytes == ram_kib * 1024
    assert board.largest_block_bytes("ram", "dtcm") == block_kib * 1024
    assert board.largest_block_bytes("eeprom") == 0


def test_every_family_has_boards():
    """What people own, by core."""
    cores = {board.core for board in BOARDS}
    assert cores == set(CORES)
    assert len(BOARDS) >= 30


def test_host():
    board = load_board("host")
    assert board.is_host
    assert compile_flags(board) == ()
    assert features(board) == {"native", "umull", "unaligned"}
    assert toolchain_of(board).compiler == "cc"


def test_mve_needs_the_vector_registers():
    board = load_board("mps3-an547")
    assert "mve" in features(board)
    soft = board.model_copy(update={"fpu": "none"})
    assert "mve" not in features(soft)
    assert "-mfloat-abi=soft" in compile_flags(soft)


def test_floating_point_kernels_need_the_unit():
    board = load_board("nucleo-l4r5zi")
    assert "fpu" in features(board)
    assert "fpu" not in features(board.model_copy(update={"fpu": "none"}))
    assert "fpu" not in features(load_board("host"))


def test_board_flags_come_last():
    board = load_board("nucleo-f746").model_copy(update={"compiler_flags": ("-DX=1",)})
    assert compile_flags(board)[-1] == "-DX=1"


@each_board
def test_core_data(board: Board):
    assert board.core_data is CORES[board.core]


def test_the_page_of_targets_is_current():
    text = TARGETS_PAGE.read_text(encoding="utf-8")
    assert targets_page() == text, "run: python -m tests.targets_page"


def test_documentation_lists_every_board_and_its_example_loads(tmp_path: Path):
    text = BOARDS_PAGE.read_text(encoding="utf-8")
    assert boards_page(text) == text, "run: python -m tests.targets_page"
    example = tmp_path / "my-board.toml"
    example.write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert load_board(str(example)).name == "my-board"
