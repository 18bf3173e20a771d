"""The self-test: quiet compilers, every interface of the generated code, every element type."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.c_compilers import COMPILERS, compile_each, run_tool
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import OPTIONS, compile_bytes, options_name
from tests.shared_data import REPOSITORY, shared_path
from tinycc_ml.compiler import Compilation, compile_model, generate
from tinycc_ml.dtypes import DType
from tinycc_ml.emit import EmitOptions
from tinycc_ml.emit.projects import golden_samples
from tinycc_ml.emit.projects.golden import draw_inputs, element_text
from tinycc_ml.emit.projects.selftest import emit_selftest
from tinycc_ml.graph import TensorType
from tinycc_ml.ops import LayerGraph, integerize
from tinycc_ml.targets import load_board

MAIN = """#include <stdio.h>
#include "NAME_selftest.h"
static void print(const char *text) { (void)fputs(text, stdout); }
int main(void) { return NAME_selftest(print); }
"""

DRAW = """#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
static TYPE x[300];
int main(void) {
  uint32_t s = 7;
  for (int i = 0; i < 300; ++i) {
    s ^= s << 13;
    s ^= s >> 17;
    s ^= s << 5;
    const int32_t number = (int32_t)(s >> 24) - 128;
    x[i] = ELEMENT;
  }
  return fwrite(x, sizeof x, 1, stdout) == 1 ? 0 : 1;
}
"""


def write(compilation: Compilation, folder: Path) -> list[Path]:
    samples = golden_samples(integerize(compilation.imported))
    files = generate(compilation) | emit_selftest(compilation.manifest, samples)
    files["main.c"] = MAIN.replace("NAME", compilation.manifest.name)
    for name, text in files.items():
        (folder / name).write_text(text)
    return sorted(folder.glob("*.c"))


def run(sources: list[Path], folder: Path) -> str:
    run_tool(["gcc", "-std=c99", "-Wall", "-Wextra", "-o", "test", *sources, "-lm"], folder)
    return run_tool([folder / "test"], folder)


@pytest.mark.parametrize("options", [*OPTIONS, EmitOptions("caller", "rows")], ids=options_name)
def test_it_passes_with_every_interface(options, tmp_path):
    sources = write(compile_bytes(NETWORKS["digits"](), "digits", options), tmp_path)
    assert "digits self-test: 3 of 3 samples right" in run(sources, tmp_path)


def test_all_networks_pass(tmp_path):
    for name in sorted(NETWORKS):
        folder = tmp_path / name
        folder.mkdir()
        printed = run(write(compile_bytes(NETWORKS[name](), name), folder), folder)
        count = printed.count("PASS")
        assert count in (1, 3)
        assert f"{name} self-test: {count} of {count} samples right" in printed


@pytest.mark.parametrize("name", ["kws_ref_model_float32", "str_ww_ref_model"])
def test_models_with_floats_and_with_state_pass(name, tmp_path):
    path = shared_path(f"data/models/{name}.tflite")
    compilation = compile_model(path, load_board("host"))
    printed = run(write(compilation, tmp_path), tmp_path)
    assert f"{compilation.manifest.name} self-test: 3 of 3 samples right" in printed


@pytest.mark.parametrize("compiler", sorted(COMPILERS))
def test_no_compiler_warns(compiler, tmp_path):
    write(compile_bytes(NETWORKS["digits"](), "digits"), tmp_path)
    compile_each(COMPILERS[compiler], [tmp_path / "digits_selftest.c"], tmp_path, "-O2")


def test_clang_format_has_nothing_to_change(tmp_path):
    write(compile_bytes(NETWORKS["digits"](), "digits"), tmp_path)
    (tmp_path / ".clang-format").write_text((REPOSITORY / ".clang-format").read_text())
    files = sorted(path.name for path in tmp_path.glob("*selftest.[ch]"))
    run_tool(["clang-format", "--style=file", "--dry-run", "--Werror", *files], tmp_path)


@pytest.mark.parametrize("dtype", DType, ids=lambda dtype: dtype.value)
def test_elements_drawn_in_c_are_those_drawn_in_python(dtype, tmp_path):
    graph = LayerGraph("g", (), {"x": TensorType((300,), dtype)}, {}, ("x",), ())
    (drawn,) = draw_inputs(graph, 7)
    source = tmp_path / "draw.c"
    source.write_text(DRAW.replace("TYPE", dtype.c_name).replace("ELEMENT", element_text(dtype)))
    run_tool(["gcc", "-Wall", "-Wextra", "-Werror", "-o", "draw", source], tmp_path)
    found = np.frombuffer(subprocess.check_output([tmp_path / "draw"]), dtype.numpy)
    np.testing.assert_array_equal(found, drawn)
    widely = dtype in (DType.INT8, DType.UINT8, DType.INT16, DType.FLOAT32)
    assert len(np.unique(drawn)) > (50 if widely else 1)
