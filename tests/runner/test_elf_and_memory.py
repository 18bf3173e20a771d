from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tinycc_ml.errors import BoardError, ToolchainError
from tinycc_ml.runner.elf import section_sizes
from tinycc_ml.runner.memory_map import memory_script
from tinycc_ml.targets import load_board

SOURCE = """
const unsigned char constants[1000] = {1};
int initialised[10] = {1};
int zeroed[20];
int code(int x) { return x * 3; }
"""


@pytest.mark.parametrize("compiler", ["cc", "arm-none-eabi-gcc"])
def test_section_sizes(compiler: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    (tmp_path / "a.c").write_text(SOURCE)
    subprocess.run(
        [compiler, "-O2", "-fdata-sections", "-c", "a.c", "-o", "a.o"], cwd=tmp_path, check=True
    )
    sizes = section_sizes(tmp_path / "a.o")
    assert sizes.rodata_bytes == 1000
    assert (sizes.data_bytes, sizes.bss_bytes) == (40, 80)
    assert 4 <= sizes.text_bytes < 40
    assert sizes.ram_bytes == 120


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(60), b"x" * 100])
def test_other_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.o"
    path.write_bytes(content)
    with pytest.raises(ToolchainError, match=r"a\.o: not a little-endian ELF file"):
        section_sizes(path)


def test_ram_regions_that_touch_are_one() -> None:
    script = memory_script(load_board("nucleo-f746"))
    assert "TCML_FLASH (rx)  : ORIGIN = 0x08000000, LENGTH = 1048576" in script
    assert "TCML_RAM   (rwx) : ORIGIN = 0x20000000, LENGTH = 327680" in script


def test_of_regions_apart_the_largest_is_taken() -> None:
    assert "ORIGIN = 0x21000000, LENGTH = 4194304" in memory_script(load_board("mps3-an547"))


def test_a_board_without_ram_cannot_have_firmware() -> None:
    board = load_board("nucleo-f746")
    flash = tuple(m for m in board.memories if m.kind == "flash")
    with pytest.raises(BoardError, match="ram"):
        memory_script(board.model_copy(update={"memories": flash}))
