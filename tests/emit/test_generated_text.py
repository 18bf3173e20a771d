"""How generated C looks: a few goldens, and clang-format has nothing to change."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.c_compilers import run_tool
from tests.end_to_end.golden import MODELS
from tests.end_to_end.networks import NETWORKS, concatenated
from tests.end_to_end.projects import OPTIONS, compile_bytes, options_name, write_files
from tests.shared_data import REPOSITORY, shared_path
from tinycc_ml.compiler import generate
from tinycc_ml.emit import EmitOptions


class CSource(SingleFileSnapshotExtension):
    """Goldens that are C files, to be read as such."""

    _write_mode = WriteMode.TEXT
    file_extension = "c"


class CHeader(CSource):
    file_extension = "h"


class Markdown(CSource):
    file_extension = "md"


@pytest.fixture(scope="module")
def tiny() -> dict[str, str]:
    return generate(compile_bytes(concatenated().build(), "tiny", board="nucleo-f746"))


def test_golden_source(tiny, snapshot):
    assert tiny["tiny.c"] == snapshot(extension_class=CSource)


def test_golden_weights(tiny, snapshot):
    assert tiny["tiny_weights.c"] == snapshot(extension_class=CSource)


def test_golden_readme(tiny, snapshot):
    assert tiny["README.md"] == snapshot(extension_class=Markdown)


def test_golden_source_with_context_and_external_buffers(snapshot):
    options = EmitOptions("caller", "external")
    files = generate(compile_bytes(concatenated().build(), "tiny", options, "nucleo-f746"))
    assert files["tiny.c"] == snapshot(extension_class=CSource)
    assert files["tiny.h"] == snapshot(name="header", extension_class=CHeader)


def test_golden_header_of_the_example(snapshot):
    files = generate(compile_bytes(NETWORKS["digits"](), "digits", board="nucleo-f746"))
    assert files["digits.h"] == snapshot(extension_class=CHeader)


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_clang_format_has_nothing_to_change(name, options, tmp_path):
    write_files(compile_bytes(NETWORKS[name](), name, options, "nucleo-f746"), tmp_path)
    assert_formatted(tmp_path)


@pytest.mark.parametrize("length", [1, 12, 24])
def test_clang_format_has_nothing_to_change_with_names_of_other_lengths(length, tmp_path):
    name = "m" * length
    write_files(compile_bytes(NETWORKS["everything"](), name), tmp_path)
    assert_formatted(tmp_path)


def assert_formatted(folder: Path) -> None:
    (folder / ".clang-format").write_text((REPOSITORY / ".clang-format").read_text())
    files = sorted(p.name for p in folder.iterdir() if p.suffix in (".c", ".h"))
    assert len(files) == 4
    run_tool(["clang-format", "--style=file", "--dry-run", "--Werror", *files], folder)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_lines_have_at_most_100_columns(name):
    for file, content in generate(compile_bytes(NETWORKS[name](), name)).items():
        if file.endswith((".c", ".h")):
            assert max(map(len, content.splitlines())) <= 100, file


@pytest.mark.parametrize("model", MODELS)
def test_clang_format_has_nothing_to_change_in_the_mlperf_tiny_models(model, tmp_path):
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    write_files(compile_bytes(data, model, board="nucleo-f746"), tmp_path)
    assert_formatted(tmp_path)
