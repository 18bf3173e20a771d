"""Every kind: the library unchanged, stable bytes, and C and build files that work."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pytest

from tests.projects.generated import DIGITS, generate_project, tool
from tinycc_ml.cli import main
from tinycc_ml.emit.projects import KIND_NAMES
from tinycc_ml.emit.projects.registry import find_kind

STUBS = Path(__file__).parent / "stubs"
RIGHT = "digits self-test: 3 of 3 samples right"
ARM = ("arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-Wall", "-Wextra", "-Werror", "-c")


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_kinds_are_found():
    assert set(KIND_NAMES) == {
        *("arduino", "cmake", "cmsis-pack", "esp-idf", "make", "platformio", "stm32cube"),
        "zephyr",
    }
    assert all(find_kind(name).summary for name in KIND_NAMES)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_project_holds_the_library_unchanged(kind, tmp_path):
    project = generate_project(tmp_path / "a", kind, "nucleo-f746")
    generate_project(tmp_path / "b", kind, "nucleo-f746")
    files = files_in(project)
    assert files == files_in(tmp_path / "b")
    main(["gen", str(DIGITS), "--board", "nucleo-f746", "-o", str(tmp_path / "plain")])
    library = project / find_kind(kind).library.format(model="digits")
    for name, content in files_in(tmp_path / "plain").items():
        assert (library / name).read_bytes() == content
    assert b"digits" in files["README.md"]
    for path, content in files.items():
        if not path.endswith(".pack"):
            text = content.decode()
            assert text.endswith("\n"), path
            assert not re.search(r"(^|[\s\"'])/(home|tmp|work|usr)/", text), path
            assert not any(line != line.rstrip() for line in text.splitlines()), path


def test_arduino_compiles_for_a_core_and_runs(tmp_path):
    folder = generate_project(tmp_path / "digits", "arduino", "nucleo-l4r5zi")
    for source in sorted((folder / "src").glob("*.c")):
        tool(folder, *ARM, source, "-o", "x.o")
    # The builder of Arduino makes C++ of the sketch.
    sketch = (folder / "examples" / "SelfTest" / "SelfTest.ino").read_text()
    (tmp_path / "sketch.cpp").write_text(sketch)
    for source in sorted((folder / "src").glob("*.c")):
        tool(tmp_path, "gcc", "-O1", "-c", source)
    include = (f"-I{STUBS / 'arduino'}", f"-I{folder / 'src'}")
    tool(tmp_path, "g++", *include, "sketch.cpp", *sorted(tmp_path.glob("*.o")), "-o", "sketch")
    assert RIGHT in tool(tmp_path, "./sketch")
    properties = dict(
        line.split("=", 1) for line in (folder / "library.properties").read_text().splitlines()
    )
    assert {"name", "version", "author", "sentence", "architectures"} <= properties.keys()


def test_zephyr_configures_and_runs_with_stand_ins_for_its_modules(tmp_path):
    folder = generate_project(tmp_path / "digits", "zephyr", "nucleo-l4r5zi")
    sample = folder / "samples" / "selftest"
    tool(sample, "cmake", "-B", "build", f"-DZephyr_DIR={STUBS / 'zephyr'}")
    tool(sample, "cmake", "--build", "build")
    assert RIGHT in tool(sample, "build/app")
    assert "CONFIG_DIGITS=y" in (sample / "prj.conf").read_text()
    assert "config DIGITS\n" in (folder / "zephyr" / "Kconfig").read_text()


def test_esp_idf_configures_and_runs_with_stand_ins_for_its_functions(tmp_path, monkeypatch):
    folder = generate_project(tmp_path / "digits", "esp-idf", "nucleo-l4r5zi")
    monkeypatch.setenv("IDF_PATH", str(STUBS / "esp_idf"))
    tool(folder, "cmake", "-B", "build")
    tool(folder, "cmake", "--build", "build")
    assert RIGHT in tool(folder, "build/program")


def test_stm32cube_is_added_to_a_cmake_project(tmp_path):
    folder = generate_project(tmp_path / "cube", "stm32cube", "nucleo-l4r5zi")
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.16)\nproject(board LANGUAGES C)\n"
        "add_subdirectory(digits)\nadd_executable(board main.c)\n"
        "target_link_libraries(${CMAKE_PROJECT_NAME} digits)\n"
    )
    # The README's own code, with HAL_UART_Transmit instead of STM32Cube's.
    parts = re.findall(
        r"USER CODE BEGIN (\w+) \*/\n(.*?)/\*", (folder / "README.md").read_text(), re.S
    )
    code = dict(parts)
    (folder / "main.c").write_text(
        "#include <stdint.h>\n#include <stdio.h>\nstatic int huart3;\n"
        f"{code['Includes']}"
        "static void HAL_UART_Transmit(int *port, const uint8_t *text, uint16_t size, int limit)\n"
        "{ (void)port; (void)limit; (void)fwrite(text, 1, size, stdout); }\n"
        f"{code['0']}int main(void) {{ {code['2']} return 0; }}\n"
    )
    tool(folder, "cmake", "-B", "build")
    tool(folder, "cmake", "--build", "build")
    assert RIGHT in tool(folder, "build/board")


def test_the_pack_is_what_its_description_says(tmp_path):
    folder = generate_project(tmp_path / "pack", "cmsis-pack", "nucleo-l4r5zi")
    root = ET.parse(folder / "tinycc-ml.digits.pdsc").getroot()
    # What PACK.xsd 1.7 demands: these elements, a release, and of components these attributes.
    assert root.tag == "package" and root.attrib["schemaVersion"] == "1.7.7"
    found = {child.tag for child in root}
    assert {"vendor", "name", "description", "url", "releases"} <= found
    release = root.find("releases/release")
    assert release is not None
    version = release.attrib["version"]
    conditions = {c.attrib["id"] for c in root.findall("conditions/condition")}
    listed = set()
    for component in root.findall("components/component"):
        assert {"Cclass", "Cgroup", "Cversion"} <= component.attrib.keys()
        assert component.attrib["condition"] in conditions
        assert component.find("description") is not None
        for file in component.findall("files/file"):
            assert file.attrib["category"] in ("header", "sourceC", "doc")
            listed.add(file.attrib["name"])
    name = f"{root.findtext('vendor')}.{root.findtext('name')}"
    with zipfile.ZipFile(folder / f"{name}.{version}.pack") as pack:
        assert pack.testzip() is None
        packed = set(pack.namelist())
        for path in packed:
            assert pack.read(path) == (folder / path).read_bytes()
    assert f"{name}.pdsc" in packed and listed < packed
    sources = {p for p in packed if p.endswith((".c", ".h"))}
    assert sources <= listed


def test_platformio_wants_a_board_that_it_knows(tmp_path, capsys):
    with pytest.raises(SystemExit):
        generate_project(tmp_path / "out", "platformio", "mps2-an386")
    assert "PlatformIO does not know this board" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_project_holds_one_model(tmp_path, capsys):
    with pytest.raises(SystemExit) as end:
        generate_project(tmp_path / "out", "make", "host", "--share-arena")
    assert end.value.code == 2
    assert "--project" in capsys.readouterr().err
