"""The generated files of models whose code and weights are copied to RAM."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.c_compilers import (
    C_WARNINGS,
    COMPILERS,
    CORES,
    compile_each,
    link_relocatable,
    run_tool,
    section_bytes,
)
from tests.cli.command import DIGITS
from tests.emit.test_generated_text import assert_formatted
from tests.end_to_end.networks import concatenated
from tests.end_to_end.projects import compile_bytes, write_files
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model, generate
from tinycc_ml.emit import EmitOptions
from tinycc_ml.targets import load_board


class Text(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "txt"


@cache
def digits(options: EmitOptions | None = None) -> Compilation:
    board = load_board("nucleo-f746")
    return compile_model(DIGITS, board, options, hot_code="ram", weights="ram")


@cache
def by_cost(model: str) -> Compilation:
    path = shared_path(f"data/models/{model}.tflite")
    return compile_model(path, load_board("nucleo-l4r5zi"), hot_code="auto", weights="auto")


@pytest.fixture(scope="module")
def tiny() -> dict[str, str]:
    choices = {"hot_code": "ram", "weights": "ram"}
    return generate(compile_bytes(concatenated().build(), "tiny", board="nucleo-f746", **choices))


@pytest.mark.parametrize("name", ["README.md", "tiny.c", "tiny_weights.c", "tiny_sections.ld"])
def test_golden(tiny, name, snapshot):
    assert tiny[name] == snapshot(extension_class=Text)


def test_the_manifest_names_what_was_placed():
    manifest = digits().manifest
    assert "digits_sections.ld" in manifest.files
    assert set(manifest.hot_functions) == {layer.function for layer in manifest.layers}
    assert manifest.hot_weight_bytes == manifest.weight_bytes
    assert len(manifest.hot_weights) == len(digits().program.constants)
    assert (manifest.code_memory, manifest.arena_memory) == ("ITCM", "DTCM")


@pytest.mark.parametrize("arena", ["static", "caller"])
def test_clang_format_has_nothing_to_change(arena, tmp_path):
    write_files(digits(EmitOptions(arena)), tmp_path)
    assert_formatted(tmp_path)


def test_clang_format_has_nothing_to_change_in_a_choice_by_cost(tmp_path):
    write_files(by_cost("kws_ref_model"), tmp_path)
    assert_formatted(tmp_path)


@pytest.mark.parametrize(
    ("compiler", "level"),
    [
        *(("gcc-c99", "-O2"), ("g++", "-O0"), ("clang-c11", "-O2"), ("clang++", "-Os")),
        *(("cortex-m7-c99", "-O0"), ("cortex-m4-c11", "-O3"), ("cortex-m0plus-c99", "-Os")),
        ("cortex-m4-c++", "-O2"),
    ],
)
def test_no_warnings(compiler, level, tmp_path):
    sources = write_files(digits(), tmp_path)
    compile_each(COMPILERS[compiler], sources, tmp_path, level, "-DTCML_PORTABLE")
    compile_each(COMPILERS[compiler], sources, tmp_path, level)


def sizes(folder: Path, *flags: str) -> dict[str, int]:
    """Bytes of each section of the example for a Cortex-M7."""
    sources = write_files(digits(), folder)
    command = ("arm-none-eabi-gcc", *CORES["cortex-m7"], "-std=c99", *C_WARNINGS)
    objects = compile_each(command, sources, folder, "-O2", *flags)
    return section_bytes(link_relocatable(objects, folder / "all.elf"))


def test_all_code_of_the_layers_and_all_weights_are_in_their_sections(tmp_path):
    found = sizes(tmp_path)
    # What is left: checks, copies and calls.
    assert 0 < found[".text"] < 700 < 2000 < found[".tcml_hot_code"]
    assert found[".tcml_hot_weights"] >= digits().manifest.weight_bytes
    assert ".rodata" not in found
    arena_bytes = -(-digits().manifest.arena_bytes // 8) * 8
    assert found[".bss.tcml_arena"] == arena_bytes and found.get(".bss", 0) == 0


def test_the_application_chooses_other_sections_or_none(tmp_path):
    found = sizes(
        tmp_path,
        '-DTCML_HOT_CODE_ATTRIBUTE=__attribute__((section(".RamFunc")))',
        "-DTCML_HOT_WEIGHTS_ATTRIBUTE=",
        "-DTCML_ARENA_ATTRIBUTE=",
    )
    assert found[".RamFunc"] > 2000
    assert found[".rodata"] >= digits().manifest.weight_bytes
    assert found[".bss"] > 0
    assert not any("tcml" in name for name in found)


def test_the_start_up_code_in_the_readme_compiles(tiny, tmp_path):
    copy = tiny["README.md"].split("```c\n")[2].split("```")[0]
    (tmp_path / "copy.c").write_text(f"{copy}\nvoid unused(void);\n")
    flags = ("-mcpu=cortex-m7", "-mthumb", "-std=c99", "-Wall", "-Wextra", "-Werror", "-O2")
    run_tool(["arm-none-eabi-gcc", *flags, "-c", "copy.c"], tmp_path)


_SCRIPT = """
MEMORY
{
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 1M
  ITCM (rwx) : ORIGIN = 0x00000000, LENGTH = 16K
  DTCM (rwx) : ORIGIN = 0x20000000, LENGTH = 64K
  RAM (rwx) : ORIGIN = 0x20010000, LENGTH = 256K
}
%s
ENTRY(main)
SECTIONS
{
  .text : { *(.text*) *(.rodata*) } > FLASH
  %s
  .data : { *(.data*) } > RAM AT > FLASH
  .bss : { *(.bss*) *(COMMON) } > RAM
}
"""
_ALIASES = """
REGION_ALIAS("TCML_FLASH", FLASH)
REGION_ALIAS("TCML_HOT_CODE", ITCM)
REGION_ALIAS("TCML_HOT_WEIGHTS", RAM)
REGION_ALIAS("TCML_ARENA", DTCM)
"""


@pytest.mark.parametrize("with_fragment", [True, False])
def test_in_the_linker_script_of_an_application(with_fragment, tmp_path):
    """With the fragment things are where they belong; without it, where they always were."""
    sources = write_files(digits(), tmp_path)
    main = tmp_path / "main.c"
    main.write_text('#include "digits.h"\nint main(void) { return (int)digits_run(0, 0); }\n')
    fragment = "INCLUDE digits_sections.ld" if with_fragment else ""
    (tmp_path / "app.ld").write_text(_SCRIPT % (_ALIASES if with_fragment else "", fragment))
    command = ["arm-none-eabi-gcc", *CORES["cortex-m7"], "-O2", "-nostartfiles", "-Wl,-Tapp.ld"]
    run_tool([*command, "--specs=nosys.specs", *sources, main, "-o", "app.elf"], tmp_path)
    listing = run_tool(["arm-none-eabi-objdump", "-h", "-w", "app.elf"], tmp_path)
    rows = (line.split() for line in listing.splitlines())
    at = {row[1]: int(row[3], 16) for row in rows if row and row[0].isdecimal()}
    if with_fragment:
        assert at[".tcml_hot_code"] < 0x4000
        assert at[".tcml_arena"] == 0x2000_0000
        assert at[".tcml_hot_weights"] == 0x2001_0000
    else:
        assert 0x0800_0000 < at[".tcml_hot_code"] < 0x0810_0000
        assert 0x0800_0000 < at[".tcml_hot_weights"] < 0x0810_0000
        assert at[".bss"] == 0x2001_0000 and ".bss.tcml_arena" not in at
