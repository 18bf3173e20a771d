"""Generated C has no warning on any compiler, needs no library, and has no data but its arena."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.c_compilers import (
    C_WARNINGS,
    COMPILERS,
    CORES,
    PROMISED,
    compile_each,
    link_relocatable,
    run_tool,
    section_bytes,
    undefined_symbols,
)
from tests.end_to_end.golden import MODELS
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import OPTIONS, compile_bytes, options_name, write_files
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation
from tinycc_ml.emit import EmitOptions

#: The library functions that generated C may call.
ALLOWED = {"memcpy", "memset"}
#: What the compiler itself adds from libgcc (no part of the C library) on a core without long
#: multiplication and division ...
M0_INTEGERS = {"__aeabi_idiv", "__aeabi_lmul"}
#: ... and without a floating-point unit; the division only where constants are not folded.
NO_FPU_FLOATS = {
    *("__aeabi_fcmpge", "__aeabi_fcmple", "__aeabi_fcmplt", "__aeabi_fdiv", "__aeabi_fmul"),
    *("__aeabi_fsub", "__aeabi_i2f", "__aeabi_f2iz"),
}
#: Networks that compute with floats at their ends.
# GCC makes memmove of the copying loops of these, however the pointers are qualified.
WITH_COPIES = {"everything", "concatenated"}
WITH_FLOATS = {"everything", "float_ends"}

LEVELS = ("-O0", "-O2", "-Os", "-O3")
#: For each compiler each level once, half of them with tracing; C11 differs little from C99.
FEW = [
    (compiler, level, trace)
    for compiler in sorted(COMPILERS)
    for level, trace in (("-O0", True), ("-O2", False), ("-Os", True), ("-O3", False))
    if level == "-O2" or not compiler.endswith("c11")
]


@cache
def network(name: str, options: EmitOptions, board: str = "nucleo-f746") -> Compilation:
    return compile_bytes(NETWORKS[name](), name, options, board)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[Path]:
    """The C files of all networks, and of one with all choices of the interface."""
    folder = tmp_path_factory.mktemp("sources")
    found = []
    for name in NETWORKS:
        for options in OPTIONS if name in ("everything", "one_value_twice") else OPTIONS[:1]:
            place = folder / f"{name}-{options_name(options)}"
            files = write_files(network(name, options), place)
            # Weights do not depend on the options.
            found += files if options == OPTIONS[0] else files[:1]
    return found


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_promised_flags_and_nothing_else(name, options, tmp_path):
    for source in write_files(network(name, options), tmp_path):
        run_tool([*PROMISED, "-c", source.name, "-o", f"{source.stem}.o"], tmp_path)


@pytest.mark.parametrize("model", MODELS)
def test_the_promised_flags_on_the_mlperf_tiny_models(model, tmp_path):
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    for source in write_files(compile_bytes(data, model, board="nucleo-f746"), tmp_path):
        run_tool([*PROMISED, "-c", source.name, "-o", f"{source.stem}.o"], tmp_path)


def check_warnings(compiler: str, level: str, trace: bool, sources: list[Path], folder: Path):
    flags = ["-DTCML_TRACE"] if trace else []
    includes = [f"-I{path}" for path in dict.fromkeys(s.parent for s in sources)]
    # Several files at once; without -o their objects land in the working folder.
    run_tool([*COMPILERS[compiler], level, *flags, *includes, "-c", *sources], folder)


@pytest.mark.parametrize(("compiler", "level", "trace"), FEW)
def test_no_warnings(compiler, level, trace, sources, tmp_path):
    check_warnings(compiler, level, trace, sources, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("trace", [False, True])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("compiler", sorted(COMPILERS))
@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
def test_no_warnings_in_any_combination(options, compiler, level, trace, tmp_path):
    sources = []
    for name in NETWORKS:
        sources += write_files(network(name, options), tmp_path / name)
    check_warnings(compiler, level, trace, sources, tmp_path)


def linked(compilation: Compilation, core: str, level: str, folder: Path) -> Path:
    sources = write_files(compilation, folder)
    command = ("arm-none-eabi-gcc", *CORES[core], "-std=c99", *C_WARNINGS)
    return link_relocatable(compile_each(command, sources, folder, level), folder / "all.elf")


@pytest.mark.parametrize("level", ["-O2", "-Os", "-O0"])
@pytest.mark.parametrize("core", sorted(CORES))
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_needs_no_library(name, core, level, tmp_path):
    allowed = set(ALLOWED)
    if name in WITH_COPIES:
        allowed.add("memmove")
    if core == "cortex-m0plus":
        allowed |= M0_INTEGERS
    if name in WITH_FLOATS and core in ("cortex-m0plus", "cortex-m3"):
        allowed |= NO_FPU_FLOATS
    assert undefined_symbols(linked(network(name, OPTIONS[0]), core, level, tmp_path)) <= allowed


@pytest.mark.parametrize("core", sorted(CORES))
@pytest.mark.parametrize("model", MODELS)
def test_mlperf_tiny_models_need_no_library(model, core, tmp_path):
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    binary = linked(compile_bytes(data, model, board="nucleo-f746"), core, "-O2", tmp_path)
    found = undefined_symbols(binary)
    if core == "cortex-m0plus":
        found -= M0_INTEGERS
    assert found <= ALLOWED


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_no_writable_data_but_the_arena(name, options, tmp_path):
    compilation = network(name, options)
    sections = section_bytes(linked(compilation, "cortex-m7", "-O2", tmp_path))
    manifest = compilation.manifest
    data = sum(size for section, size in sections.items() if section.startswith(".data"))
    zeros = sum(size for section, size in sections.items() if section.startswith(".bss"))
    constants = sum(size for section, size in sections.items() if section.startswith(".rodata"))
    assert data == 0
    # The arena is a union with an int64_t, whose size is a multiple of its alignment.
    arena = -(-manifest.arena_bytes // 8) * 8
    assert zeros == (arena if options.arena == "static" else 0)
    # Each constant may be followed by padding to the next multiple of four.
    padding = 3 * len(compilation.program.constants)
    assert manifest.weight_bytes <= constants <= manifest.weight_bytes + padding


def test_the_arena_and_the_weights_can_be_placed(tmp_path):
    folder = tmp_path
    sources = write_files(network("digits", OPTIONS[0]), folder)
    command = ("arm-none-eabi-gcc", *CORES["cortex-m7"], "-std=c99", *C_WARNINGS)
    section = '__attribute__((section("{}")))'
    objects = compile_each(
        command,
        sources,
        folder,
        "-O2",
        f"-DTCML_ARENA_ATTRIBUTE={section.format('.dtcm')}",
        f"-DTCML_WEIGHTS_ATTRIBUTE={section.format('.external_flash')}",
    )
    sizes = section_bytes(link_relocatable(objects, folder / "all.elf"))
    manifest = network("digits", OPTIONS[0]).manifest
    assert sizes[".dtcm"] == manifest.arena_bytes
    assert sizes[".external_flash"] >= manifest.weight_bytes
    assert sizes.get(".bss", 0) == sizes.get(".data", 0) == 0


def test_two_models_in_one_program(tmp_path):
    sources = []
    for name in ("digits", "everything", "several_ports"):
        sources += write_files(network(name, OPTIONS[0]), tmp_path / name)
    main = tmp_path / "main.c"
    main.write_text(
        '#include "digits.h"\n#include "everything.h"\n#include "several_ports.h"\n'
        "int main(void) {\n"
        "  return digits_run(NULL, NULL) == TCML_ERROR_NULL_POINTER &&\n"
        "         everything_run(NULL, NULL, NULL, NULL) == TCML_ERROR_NULL_POINTER &&\n"
        "         several_ports_run(NULL, NULL, NULL, NULL, NULL) == TCML_ERROR_NULL_POINTER\n"
        "             ? 0 : 1;\n}\n"
    )
    includes = [f"-I{path}" for path in dict.fromkeys(s.parent for s in sources)]
    for language in (("gcc", "-std=c99"), ("g++", "-x", "c++")):
        program = tmp_path / "both"
        run_tool(
            [*language, "-Wall", "-Werror", *includes, main, *sources, "-o", program], tmp_path
        )
        run_tool([program], tmp_path)


_README_MAIN = """
#include <stdint.h>
{code}
int main(void) {{ return classify(); }}
"""


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_code_in_the_readme_works(name, options, tmp_path):
    sources = write_files(network(name, options), tmp_path)
    code = (tmp_path / "README.md").read_text().split("```c\n")[1].split("```")[0]
    main = tmp_path / "main.c"
    main.write_text(_README_MAIN.format(code=code))
    program = tmp_path / "program"
    flags = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
    run_tool(["gcc", *flags, main, *sources, "-o", program], tmp_path)
    run_tool([program], tmp_path)
