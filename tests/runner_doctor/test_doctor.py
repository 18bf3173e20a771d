"""`doctor` looks at the machine and never fails, whatever the machine is like."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tinycc_ml.runner import doctor
from tinycc_ml.runner.doctor import Check, examine

NAMES = {
    "python",
    "arm-none-eabi-gcc",
    "newlib",
    "cc",
    "qemu-system-arm",
    "riscv64-unknown-elf-gcc",
    "qemu-system-riscv64",
    "aarch64-linux-gnu-gcc",
    "qemu-aarch64",
    "clang",
    "clang-format",
    "cppcheck",
    "cycle estimates",
    "tflite-micro",
    "pyserial",
    "serial ports",
}


def by_name() -> dict[str, Check]:
    return {check.name: check for check in examine()}


def fake(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(0o755)


def test_every_check_says_what_it_is_for_and_how_to_get_it():
    checks = by_name()
    assert set(checks) == NAMES
    for check in checks.values():
        assert check.purpose
        assert check.required_for
        assert check.how_to_get
        assert check.found or not check.version


def test_this_python_and_pyserial_are_found():
    checks = by_name()
    assert checks["python"].found
    assert checks["python"].version == ".".join(map(str, sys.version_info[:3]))
    assert checks["pyserial"].found
    assert checks["pyserial"].version


def test_empty_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = by_name()
    for name in (
        "arm-none-eabi-gcc",
        "newlib",
        "cc",
        "qemu-system-arm",
        "clang",
        "cppcheck",
        "cycle estimates",
    ):
        assert not checks[name].found
        assert checks[name].version == checks[name].path == ""


@pytest.mark.skipif(os.name != "posix", reason="shell scripts stand in for tools")
def test_odd_tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(doctor, "TIME_LIMIT_S", 0.3)
    fake(tmp_path, "cc", "echo 'cc (Somebody 9.9) 12.2.0'")
    fake(tmp_path, "clang", "exit 3")
    fake(tmp_path, "clang-format", "exec sleep 20")
    fake(tmp_path, "cppcheck", "printf '\\377\\376 1.2\\n'")
    fake(tmp_path, "qemu-system-arm", "exit 0")
    fake(tmp_path, "arm-none-eabi-gcc", "exit 1")
    checks = by_name()
    assert checks["cc"].version == "12.2.0"
    assert checks["cppcheck"].version == "1.2"
    assert not checks["clang"].found
    assert not checks["clang-format"].found
    assert checks["qemu-system-arm"].found
    assert checks["qemu-system-arm"].version == ""
    assert not checks["newlib"].found


def test_not_executable_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "cc"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not by_name()["cc"].found


def test_ports_and_packages_that_break(monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> object:
        raise RuntimeError("no such driver")

    monkeypatch.setattr(doctor, "import_module", broken)
    monkeypatch.setattr(doctor.metadata, "distribution", broken)
    checks = by_name()
    assert not checks["serial ports"].found
    assert not checks["tflite-micro"].found
