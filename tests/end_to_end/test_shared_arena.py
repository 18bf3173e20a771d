"""Several models in one arena: in turns they compute what each computes alone."""

from __future__ import annotations

import ctypes
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from tests.c_compilers import COMPILERS, compile_each, run_tool
from tests.cli.command import DIGITS, Cli
from tests.end_to_end.golden import golden
from tests.end_to_end.projects import HostModel
from tests.end_to_end.shared import compile_sharing, running_shared, write_shared
from tests.shared_data import REPOSITORY, shared_path
from tinycc_ml.compiler import Compilation
from tinycc_ml.emit import SharedProject, is_ours
from tinycc_ml.errors import DoesNotFitError
from tinycc_ml.sharing import shared_project

NAMES = ("kws_ref_model", "str_ww_ref_model")


_SMALL = [DIGITS, shared_path("data/models_synthetic/syn_svdf_int8.tflite")]


@cache
def compiled(
    board: str, arena: str = "static", io: str = "arena"
) -> tuple[tuple[Compilation, ...], SharedProject]:
    paths = [shared_path(f"data/models/{name}.tflite") for name in NAMES]
    return compile_sharing(paths, board, arena=arena, io=io)


@pytest.mark.parametrize(
    ("board", "on", "arena", "io"),
    [
        ("host", "host", "static", "arena"),
        ("host", "host", "caller", "external"),
        ("mps2-an386", "qemu", "static", "external"),
        ("mps3-an547", "qemu", "caller", "arena"),
    ],
)
def test_in_turns_they_are_bit_exact(board, on, arena, io, tmp_path):
    _, project = compiled(board, arena, io)
    goldens = [golden(name) for name in NAMES]
    with running_shared(project, board, on, tmp_path) as device:
        for number in range(2):
            device.write_inputs([g.inputs[number].tobytes() for g in goldens])
            device.run(1, trace=False)
            found = device.read_outputs()
            assert found == [g.outputs[number].tobytes() for g in goldens]


def test_the_arena_is_as_large_as_the_largest_and_there_is_no_other(tmp_path):
    compilations, project = compiled("nucleo-f746")
    needs = [compilation.plan.arena_bytes for compilation in compilations]
    assert project.arena_bytes == max(needs) and min(needs) < max(needs)
    sources = write_shared(project, tmp_path / "project")
    objects = compile_each(COMPILERS["cortex-m7-c99"], sources, tmp_path, "-O2")
    listing = run_tool(["arm-none-eabi-size", "-A", *objects], tmp_path)
    rows = [line.split() for line in listing.splitlines() if ".bss" in line]
    assert sum(int(row[1]) for row in rows) == -(-max(needs) // 8) * 8


def test_the_smaller_model_is_as_fast_as_the_shared_arena_allows():
    (alone,), own = compile_sharing([DIGITS], "nucleo-f746")
    (_, digits), project = compile_sharing(
        [shared_path("data/models/str_ww_ref_model.tflite"), DIGITS], "nucleo-f746"
    )
    assert own.arena_bytes < digits.plan.arena_bytes <= project.arena_bytes
    assert digits.program.cycles < alone.program.cycles


def test_states_stay_apart(tmp_path):
    model = "syn_svdf_int8"
    (digits, svdf), project = compile_sharing(_SMALL, "host")
    sources = write_shared(project, tmp_path / "project")
    library = tmp_path / "models.so"
    flags = ("-std=c99", "-O1", "-shared", "-fPIC")
    run_tool(["gcc", *flags, "-o", library, *sources, "-lm"], tmp_path)
    loaded = ctypes.CDLL(str(library))
    remembers, other = (HostModel(c.manifest, loaded) for c in (svdf, digits))
    with np.load(shared_path(f"data/golden_synthetic/{model}.tflite.npz")) as data:
        inputs, in_a_row = data["input0"], data["seq_output0_tflm"]
    (image,) = digits.manifest.inputs
    for x, expected in zip(inputs, in_a_row, strict=True):
        np.testing.assert_array_equal(remembers.run([x])[0], expected)
        other.run([np.full(image.shape, 77, np.int8)])


def test_pushed_rows(tmp_path):
    compilations, project = compiled("host", io="rows")
    sources = write_shared(project, tmp_path / "project")
    library = tmp_path / "models.so"
    run_tool(["gcc", "-std=c99", "-O1", "-shared", "-fPIC", "-o", library, *sources], tmp_path)
    loaded = ctypes.CDLL(str(library))
    for number in range(2):
        for name, compilation in zip(NAMES, compilations, strict=True):
            found = HostModel(compilation.manifest, loaded).run([golden(name).inputs[number]])
            np.testing.assert_array_equal(found[0], golden(name).outputs[number])


@pytest.mark.parametrize("arena", ["static", "caller"])
def test_files(arena, tmp_path):
    """No warnings, nothing for clang-format, and an account that this tool knows again."""
    _, project = compile_sharing(_SMALL, "nucleo-f746", arena=arena)
    sources = write_shared(project, tmp_path / "project")
    for compiler in ("g++", "clang-c11", "cortex-m4-c99"):
        compile_each(COMPILERS[compiler], sources, tmp_path, "-O1", "-DTCML_PORTABLE")
    folder = tmp_path / "project"
    account = json.loads((folder / "manifest.json").read_text())
    assert is_ours(folder)
    listed = {*account["files"], "manifest.json", "README.md"}
    assert listed == {path.name for path in folder.iterdir()}
    assert [model["name"] for model in account["models"]] == ["digits", "syn_svdf_int8"]
    assert {model["shared_arena"] for model in account["models"]} == {"shared"}
    (folder / ".clang-format").write_text((REPOSITORY / ".clang-format").read_text())
    files = [name for name in account["files"] if name.endswith((".c", ".h"))]
    run_tool(["clang-format", "--style=file", "--dry-run", "--Werror", *files], folder)


def test_together_they_have_to_fit():
    compilations, project = compiled("nucleo-f746")
    board = compilations[0].board
    flash = next(memory for memory in board.memories if memory.kind == "flash")
    rest = [memory for memory in board.memories if memory.kind != "flash"]
    need = sum(manifest.weight_bytes for manifest in project.manifests)

    def with_flash(size_bytes: int) -> list[Compilation]:
        memories = (flash.model_copy(update={"size_bytes": size_bytes}), *rest)
        small = board.model_copy(update={"memories": memories})
        return [replace(compilation, board=small) for compilation in compilations]

    shared_project("shared", with_flash(need), project.options)
    with pytest.raises(DoesNotFitError, match=r"2 models do not fit .*flash.* 1 too many"):
        shared_project("shared", with_flash(need - 1), project.options)


def test_on_the_command_line(capfd, tmp_path):
    cli = Cli(capfd)
    digits, svdf = DIGITS, shared_path("data/models_synthetic/syn_svdf_int8.tflite")
    common = ("--board", "nucleo-f746", "-o", tmp_path / "out")
    result = cli("gen", digits, svdf, "--share-arena", "--name", "voice", *common, "--json").json
    assert (tmp_path / "out" / "voice_arena.h").is_file()
    assert result["arena_bytes"] == max(model["arena_bytes"] for model in result["models"])
    assert cli("gen", digits, svdf, "--share-arena", *common).code == 0  # its own folder, again
    assert cli("gen", digits, svdf, *common).code == 2
    assert cli("gen", digits, svdf, "--share-arena", "--dump-dir", tmp_path, *common).code == 2
    twice = cli("gen", digits, digits, "--share-arena", *common)
    assert "rename a model's file" in twice.error_line()
    clash = cli("gen", digits, svdf, "--share-arena", "--name", "digits", *common)
    assert "choose another with --name" in clash.error_line()
