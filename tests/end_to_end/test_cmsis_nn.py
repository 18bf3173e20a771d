"""The MLPerf Tiny models by calls of CMSIS-NN (or its stand-in), on emulated cores."""

from __future__ import annotations

import shutil

import pytest

from tests.c_compilers import COMPILERS, run_tool
from tests.cmsis_nn import LIBRARY
from tests.end_to_end.golden import MODELS, golden
from tests.kernels.dsp.test_selection import STYLE
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model, generate
from tinycc_ml.emit import write_project
from tinycc_ml.errors import ToolchainError
from tinycc_ml.kernels.cmsis_nn import CMSIS_NN
from tinycc_ml.runner import build_project, open_device
from tinycc_ml.targets import load_board

needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="qemu-system-arm or arm-none-eabi-gcc is not installed",
)
LARGE = ("pretrainedResnet_quant", "vww_96_int8")
RUNS = [
    pytest.param(model, board, marks=[pytest.mark.slow] if model in LARGE else [])
    for board in ("mps2-an386", "mps3-an547")
    for model in MODELS
]


def compiled(model: str, board: str) -> Compilation:
    path = shared_path(f"data/models/{model}.tflite")
    return compile_model(path, load_board(board), kernels="cmsis-nn")


@needs_emulator
@pytest.mark.parametrize(("model", "board"), RUNS)
def test_outputs_are_the_goldens(model, board, tmp_path):
    compilation, expected = compiled(model, board), golden(model)
    library = {definition.op for definition in CMSIS_NN}
    kernels = {layer.op: layer.kernel for layer in compilation.manifest.layers}
    assert all("__cmsis_nn_" in kernels[op] for op in library & kernels.keys())
    write_project(tmp_path / "project", generate(compilation))
    built = build_project(
        tmp_path / "project", compilation.board, "qemu", tmp_path / "build", cmsis_nn=LIBRARY
    )
    with open_device(built.image, compilation.board, on="qemu") as device:
        device.write_inputs([expected.inputs[0].tobytes()])
        device.run(1)
        (found,) = device.read_outputs()
    assert found == expected.outputs[0].tobytes()


def test_a_missing_library_is_reported(tmp_path):
    compilation = compiled("ad01_int8", "host")
    write_project(tmp_path / "project", generate(compilation))
    for folder, told in ((None, "--cmsis-nn DIR"), (tmp_path, "no Include/arm_nnfunctions.h")):
        with pytest.raises(ToolchainError, match=told):
            build_project(
                tmp_path / "project",
                compilation.board,
                "host",
                tmp_path / "build",
                cmsis_nn=folder,
            )


@pytest.mark.parametrize("model", ["ad01_int8", "kws_ref_model"])
def test_text_is_formatted_and_free_of_warnings(model, tmp_path):
    files = generate(compiled(model, "mps2-an386"))
    write_project(tmp_path, files)
    assert "FetchContent" in files["README.md"] and "lib_deps" in files["README.md"]
    sources = sorted(path for path in tmp_path.iterdir() if path.suffix in (".c", ".h"))
    if shutil.which("clang-format"):
        run_tool(
            ["clang-format", "--dry-run", "-Werror", f"--style=file:{STYLE}", *sources], tmp_path
        )
    for compiler in ("gcc-c99", "clang-c11", "g++"):
        if shutil.which(COMPILERS[compiler][0]) is None:
            continue
        for source in (s for s in sources if s.suffix == ".c"):
            flags = ["-isystem", LIBRARY / "Include", "-O1", "-c", source, "-o", "out.o"]
            run_tool([*COMPILERS[compiler], *flags], tmp_path)


def test_operators_without_a_function_stay_portable():
    kernels = {
        layer.op: layer.kernel for layer in compiled("kws_ref_model", "host").manifest.layers
    }
    assert kernels["softmax"] == "softmax__c"
