"""Code of the MLPerf Tiny models on a Cortex-M4, without constants: what small parts must hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.c_compilers import run_tool
from tests.shared_data import shared_path
from tinycc_ml.compiler import compile_model, generate
from tinycc_ml.runner.elf import section_sizes
from tinycc_ml.targets import compile_flags, load_board

pytestmark = pytest.mark.skipif(
    shutil.which("arm-none-eabi-gcc") is None, reason="arm-none-eabi-gcc is not installed"
)
BOARD = load_board("mps2-an386")
MODELS = {
    "IC": "pretrainedResnet_quant",
    "KWS": "kws_savedmodel_int8",
    "VWW": "vww_96_int8",
    "AD": "ad01_int8",
}
KIB = 1024


def code_bytes(model: str, optimize: str, folder: Path) -> int:
    """Code and read-only data of the generated C file but for weights, as `bench` builds it."""
    path = shared_path(f"data/models/{MODELS[model]}.tflite")
    compilation = compile_model(path, BOARD, optimize=optimize, name="model")  # type: ignore[arg-type]
    for name, text in generate(compilation).items():
        (folder / name).write_text(text)
    flags = [*compile_flags(BOARD), "-O2", "-std=c11", "-ffunction-sections", "-fdata-sections"]
    run_tool(["arm-none-eabi-gcc", *flags, "-DTCML_TRACE=1", "-c", "model.c"], folder)
    return section_sizes(folder / "model.o").flash_bytes


@pytest.mark.parametrize(
    ("model", "limit_bytes"), [("IC", 12 * KIB), ("KWS", 12 * KIB), ("VWW", 14 * KIB), ("AD", 3584)]
)
def test_small_code(model, limit_bytes, tmp_path):
    assert code_bytes(model, "flash", tmp_path) <= limit_bytes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "limit_bytes"), [("IC", 24 * KIB), ("KWS", 20 * KIB), ("VWW", 32 * KIB), ("AD", 6144)]
)
def test_fast_code(model, limit_bytes, tmp_path):
    assert code_bytes(model, "latency", tmp_path) <= limit_bytes
