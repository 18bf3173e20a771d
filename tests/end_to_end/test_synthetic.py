"""Models beyond MLPerf Tiny: every byte of TensorFlow Lite Micro's in generated C."""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.devices import running
from tests.end_to_end.projects import build_host
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.runner import infer
from tinycc_ml.targets import load_board

#: How far outputs may lie from LiteRT's, where TensorFlow Lite Micro cannot run a model.
MODELS = {
    "conv1d": 0,
    "gru_unrolled": 0,
    "mobile_residual": 0,
    "nas_multibranch": 0,
    "transformer": 1,
    "transformer_qgelu": 0,
    "unet": 0,
}


def compiled(name: str, board: str, kind: str = "int8") -> Compilation:
    path = shared_path(f"data/models_synthetic/syn_tf_{name}_{kind}.tflite")
    return compile_model(path, load_board(board))


def goldens(name: str, kind: str = "int8") -> tuple[np.ndarray, np.ndarray]:
    with np.load(shared_path(f"data/golden_synthetic/syn_tf_{name}_{kind}.tflite.npz")) as data:
        return data["input0"], data["output0_ref" if MODELS[name] else "output0_tflm"]


def check(found: np.ndarray, expected: np.ndarray, tolerance: int) -> None:
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= tolerance


#: Three that hold most of the operators; the references of all are compared in tests/ops.
FEW = ["gru_unrolled", "transformer", "unet"]
SETS = [FEW, pytest.param(list(MODELS), marks=pytest.mark.slow)]


@pytest.mark.parametrize("names", SETS, ids=["few", "all"])
def test_goldens_on_the_host(names, tmp_path):
    hosts = build_host([compiled(name, "host") for name in names], tmp_path, "-O0")
    for name, host in zip(names, hosts, strict=True):
        for sample, expected in zip(*goldens(name), strict=True):
            check(host.run([sample])[0], expected, MODELS[name])


@pytest.mark.parametrize("names", SETS, ids=["few", "all"])
def test_float_goldens_on_the_host(names, tmp_path):
    hosts = build_host([compiled(name, "host", "float") for name in names], tmp_path, "-O0")
    for name, host in zip(names, hosts, strict=True):
        for sample, expected in zip(*goldens(name, "float"), strict=True):
            (found,) = host.run([sample])
            assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_goldens_on_the_emulated_cortex_m4(name, tmp_path):
    compilation = compiled(name, "mps2-an386")
    with running(compilation, "qemu", tmp_path, trace=False) as device:
        for sample, expected in zip(*goldens(name), strict=True):
            (found,) = infer(device, [sample], compilation.manifest.outputs)
            check(found, expected, MODELS[name])
