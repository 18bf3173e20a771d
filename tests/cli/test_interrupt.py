"""Ctrl-C, or the end of the session: no emulator and no folder are left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import DIGITS, DIGITS_DATA

WAIT_S = 60


def processes_using(folder: Path) -> list[int]:
    """Running processes with the folder in their command line or as their working folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes() + os.fsencode(os.readlink(entry / "cwd"))
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(int(entry.name))
    return found


def wait_for(condition, what: str):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {WAIT_S} s")


def running(folder: Path, *parts: str) -> list[int]:
    def name(process: int) -> str:
        try:
            return Path(f"/proc/{process}/comm").read_text().strip()
        except OSError:
            return ""

    return [p for p in processes_using(folder) if name(p).startswith(parts)]


@pytest.mark.parametrize(
    ("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize(
    ("on", "moment"),
    [("qemu", ("cc1", "arm-none-eabi-g")), ("qemu", ("qemu-system-arm",)), ("host", ("firmware",))],
    ids=["building", "emulating", "on the host"],
)
def test_nothing_is_left_behind(tmp_path, on, moment, signal_, code):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with np.load(DIGITS_DATA) as data:
        # Long enough to be in the middle of it.
        np.savez(tmp_path / "many.npz", inputs=np.concatenate([data["inputs"]] * 200))
    command = [
        *(sys.executable, "-m", "tinycc_ml", "validate", str(DIGITS)),
        *("--board", "nucleo-f746", "--on", on, "--data", str(tmp_path / "many.npz")),
    ]
    process = subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: running(temporary, *moment), f"a process of {moment}")
        process.send_signal(signal_)
        out, err = process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
        process.wait()
        # A compiler that has lost its driver ends by itself.
        wait_for(lambda: not running(temporary, "cc1", "as", "ld"), "the end of compilers")
        left = processes_using(temporary)
        for number in left:
            os.kill(number, signal.SIGKILL)
    assert left == []
    assert process.returncode == code, err
    assert out == ""
    assert err.strip() == "interrupted"
    assert os.listdir(temporary) == []


def test_gen_leaves_no_half_folder(tmp_path):
    """Interrupted at random moments: the folder is whole or not there."""
    for delay_s in np.linspace(0.15, 1.2, 8):
        process = subprocess.Popen(
            [sys.executable, "-m", "tinycc_ml", "gen", DIGITS, "-b", "host", "-o", tmp_path / "o"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        time.sleep(float(delay_s))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT_S)
        there = os.listdir(tmp_path)
        assert there in ([], ["o"])
        if there:
            assert len(os.listdir(tmp_path / "o")) == 6
