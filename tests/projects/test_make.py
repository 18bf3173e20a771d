"""Makefile projects build, and their checks pass on the host and in QEMU."""

from __future__ import annotations

import pytest

from tests.projects.generated import generate_project, run_tool, spoil_weights, tool

RIGHT = "digits self-test: 3 of 3 samples right"


@pytest.mark.parametrize("board", ["nucleo-f746", "rpi-pico", "nucleo-l4r5zi", "mps3-an547"])
def test_it_builds_and_checks(tmp_path, board):
    folder = generate_project(tmp_path / "out", "make", board)
    printed = tool(folder, "make")
    assert "warning" not in printed, printed
    assert RIGHT in tool(folder, "make", "check")
    assert RIGHT in tool(folder, "make", "check-qemu")
    elves = {path.name for path in (folder / "build").glob("*.elf")}
    boards_own = {"digits_selftest.elf", "digits_firmware.elf"}
    assert elves == {"digits_selftest_qemu.elf", *(boards_own if board == "nucleo-f746" else ())}
    tool(folder, "make", "clean")
    assert not (folder / "build").exists()


def test_for_the_host(tmp_path):
    folder = generate_project(tmp_path / "out", "make", "host")
    tool(folder, "make")
    assert RIGHT in tool(folder, "make", "check")


@pytest.mark.parametrize("target", ["check", "check-qemu"])
def test_a_wrong_weight_fails_the_check(tmp_path, target):
    folder = generate_project(tmp_path / "out", "make", "nucleo-f746")
    spoil_weights(folder)
    done = run_tool(folder, ["make", target])
    assert done.returncode != 0
    assert "FAIL: output 0, element" in done.stdout
