"""Arenas in several memories: bit-exact, and each array where it is meant to be."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from tests.c_compilers import COMPILERS, CORES, compile_each, run_tool
from tests.cli.command import Cli
from tests.emit.test_generated_text import assert_formatted
from tests.end_to_end.devices import running
from tests.end_to_end.golden import golden
from tests.end_to_end.projects import write_files
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, check_fits, compile_model, generate
from tinycc_ml.emit import EmitOptions, write_project
from tinycc_ml.errors import DoesNotFitError
from tinycc_ml.runner import build_project, infer
from tinycc_ml.targets import load_board

MODEL = "kws_ref_model"
DTCM = {"DTCM": 8000}


@cache
def compiled(board: str, options: EmitOptions | None = None, optimize: str = "auto") -> Compilation:
    path = shared_path(f"data/models/{MODEL}.tflite")
    return compile_model(
        path, load_board(board), options, regions="split", limits=DTCM, optimize=optimize
    )


@pytest.mark.parametrize(
    ("board", "on", "options", "optimize"),
    [
        ("nucleo-f746", "host", EmitOptions("caller", "rows"), "balanced"),
        ("nucleo-f746", "qemu", EmitOptions("caller", "external"), "balanced"),
        ("mps3-an547", "qemu", EmitOptions("static", "arena"), "auto"),
    ],
)
def test_bit_exact(board, on, options, optimize, tmp_path):
    compilation = compiled(board, options, optimize)
    assert len(compilation.plan.regions) == 2
    data = golden(MODEL)
    with running(compilation, on, tmp_path, trace=False) as device:
        for number in range(2):
            (found,) = infer(device, [data.inputs[number]], compilation.manifest.outputs)
            np.testing.assert_array_equal(found, data.outputs[number])


def test_scratch_is_in_the_tightly_coupled_memory_and_images_are_not():
    compilation = compiled("nucleo-f746")
    plan = compilation.plan
    fast, slow = plan.regions
    assert (fast.name, slow.name) == ("DTCM", "SRAM1+SRAM2") and fast.size_bytes <= 8000
    for call in compilation.program.calls:
        assert all(plan.region_of(name) == fast for name, _ in call.scratch)
    assert plan.region_of(compilation.program.calls[0].outputs[0]) == slow


def addresses(elf, folder) -> dict[str, int]:
    listing = run_tool(["arm-none-eabi-nm", elf], folder)
    rows = (line.split() for line in listing.splitlines())
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3}


def test_the_firmware_of_a_nucleo_f746(tmp_path):
    compilation = compiled("nucleo-f746")
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(
        tmp_path / "project", compilation.board, "serial", tmp_path / "build", trace=False
    )
    at = addresses(built.image.elf, tmp_path)[f"{MODEL}_arena_dtcm"]
    assert 0x2000_0000 <= at <= 0x2001_0000 - compilation.plan.regions[0].size_bytes


def test_two_memories_that_do_not_touch(tmp_path):
    compilation = compiled("mps3-an547", EmitOptions("static", "arena"))
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(
        tmp_path / "project", compilation.board, "qemu", tmp_path / "build", trace=False
    )
    found = addresses(built.image.elf, tmp_path)
    assert 0x2000_0000 <= found[f"{MODEL}_arena_dtcm"] < 0x2008_0000
    assert 0x2100_0000 <= found[f"{MODEL}_arena_sram"] < 0x2140_0000


_SCRIPT = """
MEMORY
{
  FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 1M
  DTCM (rwx) : ORIGIN = 0x20000000, LENGTH = 64K
  RAM (rwx) : ORIGIN = 0x20010000, LENGTH = 256K
}
REGION_ALIAS("TCML_ARENA_DTCM", DTCM)
REGION_ALIAS("TCML_ARENA_SRAM1_SRAM2", RAM)
ENTRY(main)
SECTIONS
{
  .text : { *(.text*) *(.rodata*) } > FLASH
  INCLUDE kws_ref_model_sections.ld
  .data : { *(.data*) } > RAM AT > FLASH
  .bss : { *(.bss*) *(COMMON) } > RAM
}
"""


def test_in_the_linker_script_of_an_application(tmp_path):
    sources = write_files(compiled("nucleo-f746"), tmp_path)
    main = tmp_path / "main.c"
    main.write_text(f'#include "{MODEL}.h"\nint main(void) {{ return (int){MODEL}_run(0, 0); }}\n')
    (tmp_path / "app.ld").write_text(_SCRIPT)
    command = ["arm-none-eabi-gcc", *CORES["cortex-m7"], "-O1", "-nostartfiles", "-Wl,-Tapp.ld"]
    run_tool([*command, "--specs=nosys.specs", *sources, main, "-o", "app.elf"], tmp_path)
    found = addresses("app.elf", tmp_path)
    assert found[f"{MODEL}_arena_dtcm"] == 0x2000_0000
    assert found[f"{MODEL}_arena_sram1_sram2"] == 0x2001_0000


@pytest.mark.parametrize("arena", ["static", "caller"])
def test_files(arena, tmp_path):
    compilation = compiled("nucleo-f746", EmitOptions(arena))
    sources = write_files(compilation, tmp_path)
    assert_formatted(tmp_path)
    for compiler in ("clang++", "cortex-m7-c99"):
        compile_each(COMPILERS[compiler], sources, tmp_path, "-O1", "-DTCML_PORTABLE")
    arenas = json.loads((tmp_path / "manifest.json").read_text())["arenas"]
    assert [entry["memory"] for entry in arenas] == ["DTCM", "SRAM1+SRAM2"]
    assert sum(entry["size_bytes"] for entry in arenas) == compilation.manifest.arena_bytes


def test_auto_splits_what_fits_nowhere_as_a_whole():
    board = load_board("mps3-an547")
    kept = [m for m in board.memories if m.kind == "flash"]
    dtcm, sram = (m for m in board.memories if m.kind != "flash")

    def with_ram(fast: int, slow: int) -> Compilation:
        memories = (
            *kept,
            dtcm.model_copy(update={"size_bytes": fast}),
            sram.model_copy(update={"size_bytes": slow}),
        )
        small = board.model_copy(update={"memories": memories})
        return compile_model(shared_path(f"data/models/{MODEL}.tflite"), small)

    assert not with_ram(4096, 32768).plan.regions
    split = with_ram(12288, 12288)
    assert len(split.plan.regions) == 2 and not any(c.group for c in split.program.calls)
    check_fits(split)
    tiny = with_ram(1024, 7168)  # not even split, unless it runs row by row
    assert any(call.group for call in tiny.program.calls)


def test_what_is_refused(capfd, tmp_path):
    cli = Cli(capfd)
    model = shared_path(f"data/models/{MODEL}.tflite")
    common = ("gen", model, "--regions", "split", "-o", tmp_path / "out")
    limit = ("--board", "nucleo-f746", "--region-limit")
    assert "it has DTCM, SRAM1+SRAM2" in cli(*common, *limit, "CCM=1").error_line()
    assert "it has 65,536" in cli(*common, *limit, "DTCM=65537").error_line()
    assert "write it like" in cli(*common, *limit, "DTCM").error_line()
    small = ("--region-limit", "SRAM1+SRAM2=100")
    assert "does not fit" in cli(*common, *limit, "DTCM=100", *small).error_line()
    together = cli(*common, *limit, "DTCM=2000", "--share-arena")
    assert "use --regions one" in together.error_line()


def test_one_array_is_refused_where_it_does_not_fit():
    board = load_board("nucleo-f746")
    rest = [m for m in board.memories if m.kind == "flash"]
    dtcm = next(m for m in board.memories if m.kind == "dtcm")
    ram = next(m for m in board.memories if m.name == "SRAM1")
    memories = (
        *rest,
        dtcm.model_copy(update={"size_bytes": 4096}),
        ram.model_copy(update={"origin": 0x3000_0000, "size_bytes": 5000}),
    )
    small = board.model_copy(update={"memories": memories})
    path = shared_path(f"data/models/{MODEL}.tflite")
    with pytest.raises(DoesNotFitError):
        check_fits(compile_model(path, small, regions="one", kernels="portable"))
    check_fits(compile_model(path, small, kernels="portable", optimize="ram"))
