"""Generated C of float32 and other element types: warnings, layout, libraries, results."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.c_compilers import (
    C_WARNINGS,
    COMPILERS,
    CORES,
    compile_each,
    link_relocatable,
    run_tool,
    undefined_symbols,
)
from tests.end_to_end.networks import float_functions, float_layers, joined
from tests.end_to_end.projects import build_host, compile_bytes, write_files
from tests.oracle import run_tflm
from tests.shared_data import REPOSITORY
from tinycc_ml.compiler import Compilation
from tinycc_ml.dtypes import DType
from tinycc_ml.importers import import_tflite_bytes
from tinycc_ml.ops import evaluate, integerize
from tinycc_ml.runner import agree

TYPES = ("bool", "uint8", "int16", "int32", "int64")
NETWORKS = {
    "floats": float_layers,
    "functions": float_functions,
    **{f"joined_{dtype}": lambda dtype=dtype: joined(dtype) for dtype in TYPES},
}


@cache
def network(name: str) -> Compilation:
    return compile_bytes(NETWORKS[name]().build(), name)


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    return [path for name in NETWORKS for path in write_files(network(name), folder / name)]


@pytest.mark.parametrize("compiler", [name for name in sorted(COMPILERS) if "c11" not in name])
def test_no_warnings(compiler: str, sources: list[Path], tmp_path: Path) -> None:
    run_tool([*COMPILERS[compiler], "-O2", "-c", *sources], tmp_path)


def test_clang_format_has_nothing_to_change(sources: list[Path], tmp_path: Path) -> None:
    (tmp_path / ".clang-format").write_text((REPOSITORY / ".clang-format").read_text())
    for folder in {path.parent for path in sources}:
        for path in (*folder.glob("*.c"), *folder.glob("*.h")):
            (tmp_path / path.name).write_text(path.read_text())
    files = sorted([*tmp_path.glob("*.c"), *tmp_path.glob("*.h")])
    run_tool(["clang-format", "--style=file", "--dry-run", "--Werror", *files], tmp_path)


def test_only_the_exponential_comes_from_a_library(tmp_path: Path) -> None:
    files = write_files(network("floats"), tmp_path)
    command = ("arm-none-eabi-gcc", *CORES["cortex-m4"], "-std=c99", *C_WARNINGS)
    objects = compile_each(command, files, tmp_path, "-O2")
    found = undefined_symbols(link_relocatable(objects, tmp_path / "all.elf"))
    assert found <= {"memcpy", "memset", "expf"}
    assert "expf" in found


def test_floats_as_tflm(tmp_path: Path) -> None:
    (host,) = build_host([network("floats")], tmp_path)
    rng = np.random.default_rng(4)
    for scale in (0.1, 1.0, 30.0):
        x = (rng.standard_normal((1, 6, 6, 2)) * scale).astype(np.float32)
        expected = run_tflm(float_layers().build(), [x])
        assert agree(host.run([x]), [y.reshape(1, 3, 3, 3) for y in expected])


def test_functions_are_their_references(tmp_path: Path) -> None:
    (host,) = build_host([network("functions")], tmp_path)
    rng = np.random.default_rng(4)
    graph = integerize(import_tflite_bytes(float_functions().build(), "functions.tflite"))
    for scale in (0.1, 0.5, 1.0):
        x = (rng.standard_normal((1, 4, 3)) * scale).astype(np.float32)
        chosen, place, _ = host.run([x])
        values = evaluate(graph, [x])
        expected, index, _ = (values[name] for name in graph.outputs)
        np.testing.assert_allclose(chosen, expected, rtol=1e-5)
        assert np.array_equal(place, index)


@pytest.mark.parametrize("dtype", TYPES)
def test_other_types_keep_their_bytes(dtype: str, tmp_path: Path) -> None:
    (host,) = build_host([network(f"joined_{dtype}")], tmp_path)
    rng = np.random.default_rng(5)
    kind = DType(dtype)
    shapes = ((1, 2, 3), (1, 3, 3))
    inputs = [rng.integers(kind.min, kind.max, s, kind.numpy, endpoint=True) for s in shapes]
    (found,) = host.run(inputs)
    assert found.tobytes() == np.concatenate(inputs, axis=1).tobytes()
