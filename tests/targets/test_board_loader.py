"""Loading boards by name and from a user's own file, and what is said when that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tinycc_ml import targets
from tinycc_ml._resources import resource_dir
from tinycc_ml.errors import BoardError
from tinycc_ml.targets import Board, load_board
from tinycc_ml.targets.loader import MAX_FILE_BYTES

GOOD = """
name = "mine"
title = "My board"
vendor = "me"
core = "cortex-m4"
fpu = "sp"
clock_hz = 80_000_000

[[memories]]
name = "FLASH"
kind = "flash"
origin = 0x0800_0000
size_bytes = 131_072

[[memories]]
name = "RAM"
kind = "ram"
origin = 0x2000_0000
size_bytes = 65_536

[emulator]
machine = "mps2-an386"
firmware_of = "mps2-an386"
timer_hz = 25_000_000

[[sources]]
field = "clock_hz"
document = "measured"
"""


def load_text(folder: Path, text: str | bytes) -> Board:
    path = folder / "mine.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_board(str(path))


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(BoardError) as caught:
        load_text(folder, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(folder)[:100])
    return message


def test_own_file(tmp_path: Path):
    board = load_text(tmp_path, GOOD)
    assert board.name == "mine"
    assert board.ram_bytes == 65_536


def test_own_file_may_be_its_own_emulator(tmp_path: Path):
    text = GOOD.replace('firmware_of = "mps2-an386"', 'firmware_of = "mine"')
    assert "'mine' has no firmware for qemu-system-arm; allowed mps2-an385, " in refusal(
        tmp_path, text
    )
    assert load_text(tmp_path, text + '[firmware]\nport = "mps2"\n').firmware is not None


def test_platformios_board_is_a_name_too():
    assert load_board("nucleo_f746zg") is load_board("nucleo-f746")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("nucleo-f764", "nearest: nucleo-f746"),
        ("Nucleo_F746", "nearest: nucleo-f746"),
        ("zzz", "not known; list all"),
        ("", "not known; list all"),
        ("a\nb\x1b[31m", "not known; list all"),
        ("n" * 10_000, "not known; list all"),
    ],
)
def test_unknown_name(name: str, nearest: str):
    with pytest.raises(BoardError) as caught:
        load_board(name)
    message = str(caught.value)
    assert nearest in message
    assert message.endswith("tinycc-ml boards")
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('vendor = "me"\n', "", "vendor: missing"),
        ('vendor = "me"', "vendor = 3", "vendor: found 3; allowed: a valid string"),
        ('vendor = "me"', 'colour = "red"', "(and 1 more; -v lists them)"),
        ("80_000_000", '"fast"', "clock_hz: found 'fast'; allowed: a valid integer"),
        ("80_000_000", "true", "clock_hz: found True"),
        ("80_000_000", "8e7", "clock_hz: found 80000000.0"),
        ("80_000_000", "0", "clock_hz: found 0; allowed: greater than 0"),
        ("80_000_000", "9" * 60, None),
        ("80_000_000", "9" * 6000, "not valid TOML"),
        ("size_bytes = 65_536", "size = 1\nsize_bytes = 65_536", "memories[1].size: no such key"),
        ("origin = 0x2000_0000", "origin = -1", "memories[1].origin: found -1"),
        ("origin = 0x2000_0000", "origin = 0x0801_0000", "RAM starts at 0x08010000, inside FLASH"),
        ("origin = 0x2000_0000", "origin = 0xffff_ffff", "RAM ends at"),
        ('name = "RAM"', 'name = "FLASH"', "FLASH is defined twice"),
        ('kind = "ram"', 'kind = "flash"', "none is of kind ram or dtcm"),
        ('kind = "flash"', 'kind = "itcm"', "none is of kind flash"),
        ('kind = "ram"', 'kind = "eeprom"', "found 'eeprom'; allowed: 'flash', 'ram'"),
        ('core = "cortex-m4"', 'core = "cortex-m9"', "core: 'cortex-m9' is not known; allowed"),
        ('fpu = "sp"', 'fpu = "dp"', "fpu: 'dp' does not exist on cortex-m4; allowed none, sp"),
        ('firmware_of = "mps2-an386"', 'firmware_of = "mps2-an388"', "nearest: mps2-an3"),
        (
            'firmware_of = "mps2-an386"',
            'firmware_of = "rpi-pico"',
            "has no firmware for qemu-system-arm",
        ),
        ('firmware_of = "mps2-an386"', 'firmware_of = "qemu-rv32"', "'qemu-rv32' has no firmware"),
        (
            'firmware_of = "mps2-an386"',
            'firmware_of = "host"',
            "has no firmware for qemu-system-arm",
        ),
        ("[emulator]", 'compiler_flags = ["-fplugin=x.so"]\n[emulator]', "compiler_flags"),
        ("\n[[memories]]", "\n[[memories", "not valid TOML"),
        ('vendor = "me"', 'vendor = "me"\nvendor = "me"', "not valid TOML"),
        ('vendor = "me"', 'vendor = "me\\u0000\\n"', None),
        ('name = "mine"', 'name = "mine\\n"', "name: found"),
        ("[[sources]]", "[sources]", "sources: found a table"),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, expected: str | None):
    assert old in GOOD
    text = GOOD.replace(old, new)
    if expected is None:
        load_text(tmp_path, text)
    else:
        assert expected in refusal(tmp_path, text)


def test_details_list_all_mistakes(tmp_path: Path):
    (tmp_path / "mine.toml").write_text('name = "mine"\n')
    with pytest.raises(BoardError) as caught:
        load_board(str(tmp_path / "mine.toml"))
    assert "clock_hz" in caught.value.details
    assert "memories" in caught.value.details


def test_files_that_are_no_board_files(tmp_path: Path):
    assert "too large" in refusal(tmp_path, b"#" * (MAX_FILE_BYTES + 1))
    assert "byte 4 is not UTF-8" in refusal(tmp_path, b"a = \xff\n")
    assert "missing" in refusal(tmp_path, b"")
    assert "not valid TOML" in refusal(tmp_path, b"a = " + b"[" * 60_000)
    for path in (tmp_path / "none.toml", tmp_path, Path("/dev/zero"), Path("a\0b.toml")):
        with pytest.raises(BoardError):
            load_board(f"{path.parent}/{path.name}")


SEEDS = [path.read_bytes() for path in sorted(resource_dir("boards").glob("*.toml"))]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 30))
        data[at : at + cut] = draw(st.binary(max_size=20) | st.text(max_size=8).map(str.encode))
    return bytes(data)


def outcome(folder: Path, text: str | bytes) -> Board | str:
    try:
        return load_text(folder, text)
    except BoardError as error:
        return str(error)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(mutated(), st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@example(b"a.b.c.d = 1979-05-27T25:00:00")
def test_any_bytes_give_a_board_or_one_line(tmp_path: Path, data: bytes):
    result = outcome(tmp_path, data)
    if isinstance(result, str):
        assert result.isprintable()
        assert len(result) < 700
    else:
        assert result.flash_bytes > 0
        assert result.ram_bytes > 0


toml_value = st.recursive(
    st.integers() | st.text(max_size=8) | st.booleans() | st.floats(allow_nan=False),
    lambda children: st.lists(children, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([line for line in GOOD.splitlines() if "=" in line]),
    toml_value.map(json.dumps),
)
def test_any_value_in_any_field(tmp_path: Path, line: str, value: str):
    key = line.partition("=")[0]
    result = outcome(tmp_path, GOOD.replace(line, f"{key}= {value}", 1))
    assert isinstance(result, Board) or result.isprintable()


def test_importing_targets_does_not_import_pydantic():
    code = "import sys, tinycc_ml.targets as t; t.load_board; sys.exit('pydantic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_attribute():
    with pytest.raises(AttributeError, match="no attribute 'Bored'"):
        _ = targets.Bored  # type: ignore[attr-defined]
