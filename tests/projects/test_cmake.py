"""CMake projects build with GCC and Clang, for the host and for cores, and their tests run."""

from __future__ import annotations

import pytest

from tests.projects.generated import generate_project, run_tool, spoil_weights, tool


def build(folder, preset):
    tool(folder, "cmake", "--preset", preset)
    printed = tool(folder, "cmake", "--build", "--preset", preset, "-j", "2")
    assert "warning" not in printed, printed


@pytest.mark.parametrize(
    ("board", "preset"),
    [
        ("host", "host"),
        ("nucleo-f746", "nucleo-f746"),
        ("nucleo-f746", "nucleo-f746-clang"),
        ("mps3-an547", "mps3-an547-clang"),
    ],
)
def test_a_preset_builds_and_its_test_passes(tmp_path, board, preset):
    folder = generate_project(tmp_path / "out", "cmake", board)
    build(folder, preset)
    printed = tool(folder, "ctest", "--preset", preset, "--no-tests=error")
    assert "100% tests passed" in printed
    firmware = folder / "build" / preset / "digits_firmware.elf"
    assert firmware.is_file() == (board == "nucleo-f746")


@pytest.mark.parametrize("preset", ["host", "nucleo-f746"])
def test_the_test_fails_when_a_weight_is_wrong(tmp_path, preset):
    folder = generate_project(tmp_path / "out", "cmake", "nucleo-f746")
    spoil_weights(folder)
    build(folder, preset)
    done = run_tool(folder, ["ctest", "--preset", preset, "--no-tests=error"])
    assert done.returncode != 0
    assert "FAIL: output 0, element" in done.stdout


def test_the_library_can_be_a_part_of_another_project(tmp_path):
    generate_project(tmp_path / "digits", "cmake", "nucleo-f746")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\n"
        "project(app LANGUAGES C)\n"
        "add_subdirectory(digits)\n"
        "add_executable(app main.c)\n"
        "target_link_libraries(app PRIVATE digits)\n"
    )
    (tmp_path / "main.c").write_text(
        '#include "digits.h"\n'
        "int main(void) { static int8_t x[DIGITS_INPUT_0_ELEMENTS], y[DIGITS_OUTPUT_0_ELEMENTS];"
        " return digits_run(x, y); }\n"
    )
    tool(tmp_path, "cmake", "-B", "build")
    tool(tmp_path, "cmake", "--build", "build")
    tool(tmp_path, "build/app")
    assert not list((tmp_path / "build").rglob("*selftest*"))
