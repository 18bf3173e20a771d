"""Code and weights in RAM: the same bytes, really there, and copied by the start-up code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.c_compilers import run_tool
from tests.cli.command import DIGITS, DIGITS_DATA
from tests.end_to_end.golden import MODELS, golden
from tests.end_to_end.projects import build_host
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model, generate
from tinycc_ml.emit import emit_harness_glue, write_project
from tinycc_ml.errors import TinyccError
from tinycc_ml.placement import Where
from tinycc_ml.runner import build_project, infer, open_device
from tinycc_ml.runner.firmware import build_firmware
from tinycc_ml.targets import load_board

CORES = ["mps2-an386", "mps2-an500", "mps3-an547"]


@cache
def placed(model: str, board: str, hot_code: Where = "ram", weights: Where = "ram") -> Compilation:
    path = shared_path(f"data/models/{model}.tflite")
    return compile_model(path, load_board(board), hot_code=hot_code, weights=weights)


def digits(board: str, hot_code: Where = "ram", weights: Where = "ram") -> Compilation:
    return compile_model(DIGITS, load_board(board), hot_code=hot_code, weights=weights)


def sections(elf: Path) -> dict[str, tuple[int, int, int]]:
    """Size, address and load address of each section."""
    listing = run_tool(["arm-none-eabi-objdump", "-h", "-w", elf], elf.parent)
    rows = (line.split() for line in listing.splitlines())
    return {
        row[1]: (int(row[2], 16), int(row[3], 16), int(row[4], 16))
        for row in rows
        if row and row[0].isdecimal()
    }


def symbols(elf: Path) -> dict[str, int]:
    """Address of each symbol, as the linker has it after it cloned or renamed functions."""
    listing = run_tool(["arm-none-eabi-nm", elf], elf.parent)
    rows = (line.split() for line in listing.splitlines())
    return {row[2].split(".")[0]: int(row[0], 16) for row in rows if len(row) == 3}


def check_places(compilation: Compilation, elf: Path) -> None:
    """What was placed has addresses in RAM and load addresses in flash; the rest is in flash."""
    emulator = compilation.board.emulator
    assert emulator is not None
    machine = load_board(emulator.firmware_of)
    flash, ram = (
        [range(m.origin, m.end) for m in machine.memories if m.kind in kinds]
        for kinds in (("flash",), ("ram", "dtcm"))
    )

    def inside(address: int, places: list[range]) -> bool:
        return any(address in place for place in places)

    found, manifest = sections(elf), compilation.manifest
    for name in (".tcml_hot_code", ".tcml_hot_weights"):
        size, address, load = found[name]
        assert size > 0 and inside(address, ram) and inside(address + size - 1, ram)
        assert inside(load, flash) and inside(load + size - 1, flash)
    size, code_start, _ = found[".tcml_hot_code"]
    hot_code = range(code_start, code_start + size)
    size, weights_start, _ = found[".tcml_hot_weights"]
    hot_weights = range(weights_start, weights_start + size)
    assert size >= manifest.hot_weight_bytes
    addresses = symbols(elf)
    placement = compilation.layout.placement
    for name in (*manifest.hot_functions, *(f"tcml_{i}" for i in placement.intrinsics)):
        assert addresses[name] in hot_code, name
    for name in manifest.hot_weights:
        assert addresses[name] in hot_weights, name
    for constant in compilation.program.constants:
        name = f"{manifest.name}_{constant}"
        assert (addresses[name] in hot_weights) == (name in manifest.hot_weights)
        assert inside(addresses[name], ram if name in manifest.hot_weights else flash)
    assert inside(addresses[f"{manifest.name}_run"], flash)


def check_goldens(compilation: Compilation, model: str, elf_folder: Path, count: int = 8) -> None:
    write_project(elf_folder / "project", generate(compilation))
    built = build_project(elf_folder / "project", compilation.board, "qemu", elf_folder / "build")
    check_places(compilation, built.image.elf)
    assert built.hot_code_bytes > 0 and built.hot_weight_bytes >= compilation.manifest.weight_bytes
    want = golden(model)
    with open_device(built.image, compilation.board) as device:
        for sample, expected in zip(want.inputs[:count], want.outputs[:count], strict=True):
            (found,) = infer(device, [sample], compilation.manifest.outputs)
            assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("board", CORES)
def test_goldens_with_code_and_weights_in_ram(board, tmp_path):
    check_goldens(placed("kws_ref_model", board), "kws_ref_model", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["mps2-an385", *CORES, "nucleo-l4r5zi"])
@pytest.mark.parametrize("model", MODELS)
def test_all_goldens_with_code_and_weights_in_ram(model, board, tmp_path):
    check_goldens(placed(model, board), model, tmp_path)


def test_goldens_on_the_host(tmp_path):
    (host,) = build_host([placed("kws_ref_model", "nucleo-l4r5zi")], tmp_path, "-O2")
    want = golden("kws_ref_model")
    for sample, expected in zip(want.inputs, want.outputs, strict=True):
        assert host.run([sample])[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("board", ["nucleo-l4r5zi", "nucleo-f746"])
def test_a_choice_by_cost_runs(board, tmp_path):
    compilation = placed("kws_ref_model", board, "auto", "auto")
    placement = compilation.layout.placement
    assert 0 < len(placement.functions) < len(compilation.program.functions)
    assert 0 < len(placement.constants) < len(compilation.program.constants)
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(tmp_path / "project", compilation.board, "qemu", tmp_path / "build")
    check_places(compilation, built.image.elf)
    assert 0 < built.hot_code_bytes <= placement.code_bytes
    want = golden("kws_ref_model")
    with open_device(built.image, compilation.board) as device:
        (found,) = infer(device, [want.inputs[0]], compilation.manifest.outputs)
    assert found.tobytes() == want.outputs[0].tobytes()


def test_the_arena_is_in_the_fastest_memory(tmp_path):
    compilation = placed("kws_ref_model", "mps3-an547", "flash", "flash")
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(tmp_path / "project", compilation.board, "qemu", tmp_path / "build")
    size, address, _ = sections(built.image.elf)[".tcml_arena"]
    assert size >= compilation.manifest.arena_bytes
    dtcm = next(m for m in compilation.board.memories if m.kind == "dtcm")
    assert dtcm.origin <= address and address + size <= dtcm.end
    assert compilation.manifest.arena_memory == "DTCM"


@pytest.mark.parametrize(
    "flags",
    [("-flto",), ("-Os", "-fno-pic"), ("-O0",), ("-O3", "-fno-inline", "-fstack-protector-all")],
    ids=" ".join,
)
def test_ways_to_compile(flags, tmp_path):
    compilation = digits("nucleo-l4r5zi")
    project = tmp_path / "project"
    write_project(project, generate(compilation))
    manifest = compilation.manifest
    glue = tmp_path / "harness_model.c"
    glue.write_text(emit_harness_glue(manifest))
    if "-fstack-protector-all" in flags:
        glue.write_text(
            f"{glue.read_text()}\nunsigned __stack_chk_guard;\n"
            "void __stack_chk_fail(void);\nvoid __stack_chk_fail(void) { for (;;) {} }\n"
        )
    image = build_firmware(
        [*sorted(project.glob("*.c")), glue],
        [project],
        load_board("mps2-an386"),
        tmp_path / "build",
        layer_count=len(manifest.layers),
        target=compilation.board,
        extra_flags=flags,
        sections=project / "digits_sections.ld",
        arena_bytes=manifest.arena_bytes,
    )
    if flags != ("-flto",):  # which renames and merges
        check_places(compilation, image.elf)
    assert sections(image.elf)[".tcml_hot_code"][1] >= 0x2000_0000
    assert sections(image.elf)[".tcml_hot_weights"][0] >= manifest.weight_bytes
    (host,) = build_host([compilation], tmp_path / "host", "-O2")
    with np.load(DIGITS_DATA) as data, open_device(image, compilation.board) as device:
        for sample in data["inputs"][:3]:
            (found,) = infer(device, [sample], manifest.outputs)
            assert found.tobytes() == host.run([sample])[0].tobytes()


def test_code_that_does_not_fit_its_memory_is_named(tmp_path):
    compilation = placed("pretrainedResnet_quant", "nucleo-f746", "ram", "flash")
    write_project(tmp_path / "project", generate(compilation))
    with pytest.raises(TinyccError, match=r"TCML_HOT_CODE. overflowed by"):
        build_project(tmp_path / "project", compilation.board, "serial", tmp_path / "build")


def test_on_a_board_with_code_ram_it_is_there(tmp_path):
    compilation = placed("kws_ref_model", "nucleo-f746", "auto", "auto")
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(tmp_path / "project", compilation.board, "serial", tmp_path / "build")
    found = sections(built.image.elf)
    size, address, load = found[".tcml_hot_code"]
    assert address + size <= 16 * 1024 and load >= 0x0800_0000
    arena_bytes, arena, _ = found[".tcml_arena"]
    assert arena >= 0x2000_0000 and arena + arena_bytes <= 0x2001_0000
