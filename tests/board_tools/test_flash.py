"""`flash` takes the program that is there; those here only write down how they are called."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Cli


@pytest.fixture
def cli(capfd, tmp_path, monkeypatch) -> Cli:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "firmware.elf").write_bytes(b"\x7fELF")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return Cli(capfd)


def install(name: str, code: int = 0, says: str = "") -> None:
    path = Path("bin") / name
    path.write_text(
        f'#!/bin/sh\necho "$(/usr/bin/basename "$0")" "$@" >> {os.getcwd()}/calls\n'
        f"echo '{says}'\nexit {code}\n"
    )
    path.chmod(0o755)


def calls() -> list[str]:
    return Path("calls").read_text().splitlines()


def test_pyocd_comes_first(cli):
    for name in ("st-flash", "openocd", "pyocd"):
        install(name)
    result = cli("flash", "firmware.elf", "--board", "nucleo-f746", "--json")
    assert result.json["tool"] == "pyocd"
    assert calls() == [
        "pyocd flash --target stm32f746zgtx --format elf firmware.elf",
        "pyocd reset --target stm32f746zgtx",
    ]


def test_openocd_programs_verifies_and_starts(cli):
    install("openocd")
    assert cli("flash", "firmware.elf", "--board", "nrf52840-dk").code == 0
    path = Path("firmware.elf").resolve()
    assert calls() == [
        "openocd -f interface/jlink.cfg -f target/nrf52.cfg "
        f"-c program {{{path}}} verify reset exit"
    ]


def test_st_flash_gets_a_hex_file(cli):
    install("arm-none-eabi-objcopy")
    install("st-flash")
    assert cli("flash", "firmware.elf", "--board", "nucleo-f446re").code == 0
    convert, write = calls()
    image = convert.split()[-1]
    assert convert == f"arm-none-eabi-objcopy -O ihex firmware.elf {image}"
    assert write == f"st-flash --reset --format ihex write {image}"


def test_platformio_takes_a_project(cli):
    Path("project").mkdir()
    Path("project/platformio.ini").write_text("")
    install("pio")
    install("pyocd")
    assert cli("flash", "project", "--board", "nucleo-f746").code == 0
    assert calls() == ["pio run --project-dir project --target upload"]


def test_the_tool_can_be_chosen(cli):
    for name in ("openocd", "pyocd"):
        install(name)
    result = cli("flash", "firmware.elf", "-b", "nucleo-f746", "--tool", "openocd")
    assert result.code == 0 and calls()[0].startswith("openocd ")


def test_a_tool_that_fails_says_why_and_no_other_is_tried(cli):
    install("pyocd", 1, "0001 C Error: no probe")
    install("openocd")
    line = cli("flash", "firmware.elf", "--board", "nucleo-f746").error_line()
    assert line == "pyocd failed with exit code 1: 0001 C Error: no probe"
    assert len(calls()) == 1


def test_nothing_is_installed(cli):
    line = cli("flash", "firmware.elf", "--board", "nucleo-f746").error_line()
    assert "one of pyocd (pip install pyocd), openocd (" in line


def test_a_board_without_a_known_probe(cli):
    install("pyocd")
    line = cli("flash", "firmware.elf", "--board", "mps2-an386").error_line()
    assert "not known how to flash this board" in line


def test_a_tool_that_does_not_know_the_board(cli):
    line = cli("flash", "firmware.elf", "-b", "rpi-pico", "--tool", "st-flash").error_line()
    assert "st-flash cannot flash" in line


def test_no_such_file(cli):
    assert "no such ELF file" in cli("flash", "x.elf", "--board", "nucleo-f746").error_line()


def test_a_path_that_would_be_tcl_is_refused(cli):
    shutil.copy("firmware.elf", "a}b.elf")
    install("openocd")
    line = cli("flash", "a}b.elf", "--board", "nucleo-f746").error_line()
    assert "OpenOCD cannot take this path" in line
