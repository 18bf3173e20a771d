"""PlatformIO itself, from PyPI, builds and tests the generated project as it is."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

import pytest

from tests.projects.generated import generate_project, run_tool, spoil_weights, tool
from tests.projects.pio_home import SCONS, make_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pio(tmp_path_factory):
    """The command, with a home that holds all packages it needs."""
    folder = tmp_path_factory.mktemp("platformio")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    tool(folder, *pip, "--python", python, "install", "--quiet", "platformio>=6.2,<6.3")
    tool(folder, *pip, "download", "--quiet", "--no-deps", f"scons=={SCONS}")
    (wheel,) = folder.glob("scons-*.whl")
    make_home(folder / "home", wheel)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLATFORMIO_CORE_DIR", str(folder / "home"))
        patch.setenv("PLATFORMIO_SETTING_ENABLE_TELEMETRY", "no")
        # A missing package would be asked for, a minute long.
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        patch.delenv("PYTHONPATH", raising=False)
        yield folder / "env" / "bin" / "pio"


def test_the_project_builds_and_its_tests_pass(pio, tmp_path):
    folder = generate_project(tmp_path / "out", "platformio", "nucleo-f746")
    assert "SUCCESS" in tool(folder, pio, "run")
    elf = folder / ".pio" / "build" / "nucleo_f746zg" / "firmware.elf"
    attributes = tool(folder, "arm-none-eabi-readelf", "-A", elf)
    assert "Tag_ABI_VFP_args: VFP registers" in attributes
    for environment in ("qemu", "native"):
        printed = tool(folder, pio, "test", "-e", environment)
        assert "3 test cases: 3 succeeded" in printed, printed
    tool(folder, pio, "test", "-e", "nucleo_f746zg", "--without-uploading", "--without-testing")
    assert pio.is_relative_to(Path(os.environ["PLATFORMIO_CORE_DIR"]).parent)


@pytest.mark.parametrize("environment", ["qemu", "native"])
def test_a_wrong_weight_fails_the_test(pio, tmp_path, environment):
    folder = generate_project(tmp_path / "out", "platformio", "nucleo-f746")
    spoil_weights(folder)
    done = run_tool(folder, [str(pio), "test", "-e", environment])
    assert done.returncode != 0
    assert "FAIL: output 0, element" in done.stdout


def test_the_plain_folder_is_a_library(pio, tmp_path):
    project = generate_project(tmp_path / "cmake", "cmake", "nucleo-f746")
    (project / "model").rename(tmp_path / "digits")
    (tmp_path / "app" / "lib").mkdir(parents=True)
    (tmp_path / "digits").rename(tmp_path / "app" / "lib" / "digits")
    (tmp_path / "app" / "src").mkdir()
    (tmp_path / "app" / "src" / "main.c").write_text(
        '#include "digits.h"\n'
        "int main(void) { static int8_t x[DIGITS_INPUT_0_ELEMENTS], y[DIGITS_OUTPUT_0_ELEMENTS];\n"
        " return digits_run(x, y); }\n"
    )
    (tmp_path / "app" / "platformio.ini").write_text("[env:native]\nplatform = native\n")
    tool(tmp_path / "app", pio, "run")
    tool(tmp_path / "app", ".pio/build/native/program")
