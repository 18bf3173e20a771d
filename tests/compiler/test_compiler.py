"""The ten steps: names, dumps, what fits, and that nothing depends on anything but the inputs."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from tests.end_to_end.networks import DIGITS, NETWORKS
from tests.end_to_end.projects import compile_bytes
from tests.shared_data import REPOSITORY
from tinycc_ml import compiler
from tinycc_ml.compiler import check_fits, compile_model, fit_problems, generate, ram_block_bytes
from tinycc_ml.emit import EmitOptions
from tinycc_ml.errors import DoesNotFitError, ModelFileError, OutputError
from tinycc_ml.targets import list_boards, load_board


def test_every_step_is_dumped_in_order():
    steps: dict[str, str] = {}
    compile_model(DIGITS, load_board("nucleo-f746"), dump=steps.__setitem__)
    assert list(steps) == sorted(steps)
    numbers = [int(step[:2]) for step in steps]
    assert numbers[0] == 2 and numbers[-1] == 10
    assert all(text.endswith("\n") and text.strip() for text in steps.values())


def test_dumps_change_nothing():
    board = load_board("nucleo-f746")
    watched = compile_model(DIGITS, board, dump=lambda step, text: None)
    assert generate(watched) == generate(compile_model(DIGITS, board))


def test_the_steps_are_numbered_in_the_source():
    text = Path(compiler.__file__).read_text(encoding="utf-8")
    found = [int(n) for n in re.findall(r"^ +# (\d+)\. ", text, re.MULTILINE)]
    assert found == sorted(found)
    assert {2, 3, 4, 5, 6, 7, 8, 10} <= set(found)


def test_where_a_project_comes_from():
    manifest = compile_model(DIGITS, load_board("nucleo-f746")).manifest
    assert manifest.model_file == "digits.tflite"
    assert manifest.model_sha256 == hashlib.sha256(DIGITS.read_bytes()).hexdigest()
    assert (manifest.board, manifest.core) == ("nucleo-f746", "cortex-m7")


@pytest.mark.parametrize("board", [b.name for b in list_boards()])
def test_the_example_compiles_for_every_board(board):
    compilation = compile_model(DIGITS, load_board(board))
    assert fit_problems(compilation) == ()
    wanted = {"README.md", "digits.c", "digits.h", "digits_weights.c", "digits_weights.h"}
    wanted |= {"manifest.json", "library.json"}
    if compilation.manifest.arena_memory:
        wanted.add("digits_sections.ld")
    assert set(generate(compilation)) == wanted
    assert compilation.manifest.gap_bytes == 0


NAMES = {
    "My Model (final).v2": "my_model_final_v2",
    "1st": "model_1st",
    "___": "model",
    "Größe": "gr_e",
    "string": "string_model",
    "math": "math_model",
    "x" * 100: "x" * 48,
}


@pytest.mark.parametrize(("stem", "name"), NAMES.items())
def test_names_come_from_files(tmp_path, stem, name):
    path = tmp_path / f"{stem}.tflite"
    path.write_bytes(NETWORKS["reshape_only"]())
    compilation = compile_model(path, load_board("host"))
    assert compilation.manifest.name == name
    assert f"{name}.h" in generate(compilation)


@pytest.mark.parametrize("name", ["A", "9a", "a-b", "", "a" * 49, "a\n", "ä", "a.b"])
def test_a_wanted_name_must_be_an_identifier(name):
    with pytest.raises(OutputError, match="--name"):
        compile_model(DIGITS, load_board("host"), name=name)


@pytest.mark.parametrize(
    "name", ["int", "for", "main", "input", "output", "arena", "class", "tcml"]
)
def test_names_that_mean_something_in_c_do_no_harm(tmp_path, name):
    from tests.c_compilers import WARNINGS, compile_each
    from tests.end_to_end.projects import write_files

    compilation = compile_model(DIGITS, load_board("host"), name=name)
    sources = write_files(compilation, tmp_path)
    compile_each(("gcc", "-std=c99", *WARNINGS), sources, tmp_path)
    compile_each(("g++", "-x", "c++", *WARNINGS), sources, tmp_path)


def test_a_missing_file():
    with pytest.raises(ModelFileError):
        compile_model(Path("nowhere.tflite"), load_board("host"))


def shrunk(board: str, tmp_path: Path, ram_bytes: int, flash_bytes: int):
    path = tmp_path / f"{board}.toml"
    text = (REPOSITORY / "boards" / f"{board}.toml").read_text(encoding="utf-8")
    sizes = {"flash": flash_bytes, "ram": ram_bytes, "dtcm": ram_bytes}

    def replace(match: re.Match[str]) -> str:
        return f"{match[1]}{sizes.get(match[2], 4096)}"

    text = re.sub(r'(kind = "(\w+)"\norigin = \w+\nsize_bytes = )\w+', replace, text)
    path.write_text(text, encoding="utf-8")
    return load_board(str(path))


def test_the_limits_are_exact(tmp_path):
    manifest = compile_model(DIGITS, load_board("nucleo-f446re")).manifest
    for ram_less, flash_less in ((0, 0), (1, 0), (0, 1), (1, 1)):
        board = shrunk(
            "mps2-an386",
            tmp_path,
            manifest.arena_bytes - ram_less,
            manifest.weight_bytes - flash_less,
        )
        # Without a limit, or smaller kernels would be chosen.
        compilation = compile_model(DIGITS, board, flash_limit=1 << 30)
        # The plan for little RAM may need less than the usual one, and other constants.
        found = compilation.manifest
        over = (found.arena_bytes - ram_block_bytes(board), found.weight_bytes - board.flash_bytes)
        problems = fit_problems(compilation)
        assert len(problems) == sum(bytes_ > 0 for bytes_ in over)
        if not ram_less:
            assert over == (0, flash_less)
        assert all("1 too many" in p for p in problems)
        if problems:
            with pytest.raises(DoesNotFitError, match=r"digits\.tflite does not fit"):
                check_fits(compilation)
        else:
            check_fits(compilation)


def test_the_host_has_no_limits():
    assert fit_problems(compile_model(DIGITS, load_board("host"))) == ()


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_external_buffers_never_need_more_arena(name):
    model = NETWORKS[name]()
    inside = compile_bytes(model, name, EmitOptions("static", "arena")).manifest
    outside = compile_bytes(model, name, EmitOptions("static", "external")).manifest
    assert outside.arena_bytes <= inside.arena_bytes
    assert (inside.weight_bytes, inside.macs) == (outside.weight_bytes, outside.macs)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_less_ram_when_asked_for(name):
    model = NETWORKS[name]()
    usual, small = (compile_bytes(model, name, optimize=o).manifest for o in ("latency", "ram"))
    assert small.arena_bytes <= usual.arena_bytes
    assert small.lower_bound_bytes <= small.arena_bytes
