"""Float32 models: the golden outputs within the tolerance, on the host and on a Cortex-M4F."""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.devices import running
from tests.end_to_end.projects import build_host
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.runner import TOLERANCE, agree, infer
from tinycc_ml.targets import load_board

MODELS = {
    "ad01_fp32": "",
    "kws_savedmodel_float": "",
    "pretrainedResnet": "",
    "vww_96_float": "",
    "syn_tf_nas_multibranch_float": "_synthetic",
}
#: Little more than the input: 96 x 96 x 3 floats.
RAM_BYTES = {"vww_96_float": 111_000}


def compiled(model: str, board: str = "host", **choices: str) -> Compilation:
    path = shared_path(f"data/models{MODELS[model]}/{model}.tflite")
    return compile_model(path, load_board(board), **choices)


def golden(model: str) -> dict[str, np.ndarray]:
    with np.load(shared_path(f"data/golden{MODELS[model]}/{model}.tflite.npz")) as data:
        return {name: data[name] for name in ("input0", "output0_tflm")}


@pytest.mark.parametrize("optimize", ["latency", "ram"])
@pytest.mark.parametrize("model", MODELS)
def test_goldens_on_the_host(model: str, optimize: str, tmp_path) -> None:
    compilation, want = compiled(model, optimize=optimize), golden(model)
    if optimize == "ram":
        assert compilation.plan.arena_bytes <= RAM_BYTES.get(model, 1 << 30)
    (host,) = build_host([compilation], tmp_path, "-O2")
    for x, y in zip(want["input0"], want["output0_tflm"], strict=True):
        (found,) = host.run([x])
        assert agree([found], [y.reshape(found.shape)])


@pytest.mark.parametrize("model", ["kws_savedmodel_float", "ad01_fp32"])
def test_goldens_on_the_m4f(model: str, tmp_path) -> None:
    compilation, want = compiled(model, "mps2-an386"), golden(model)
    with running(compilation, "qemu", tmp_path, trace=False) as device:
        for x, y in zip(want["input0"][:4], want["output0_tflm"], strict=False):
            (found,) = infer(device, [x], compilation.manifest.outputs)
            assert agree([found], [y.reshape(found.shape)])


def test_the_tolerance_is_relative_to_the_largest_magnitude() -> None:
    expected = np.array([[100.0, 1e-6, -3.0]], np.float32)
    near = expected + np.float32(0.9 * 100 * TOLERANCE)
    far = expected + np.array([[0, 0, 1.1 * 100 * TOLERANCE]], np.float32)
    assert agree([near], [expected])
    assert not agree([far], [expected])


def test_what_is_no_number_has_to_be_the_same() -> None:
    expected = np.array([np.nan, np.inf, -np.inf, 1.0], np.float32)
    assert agree([expected.copy()], [expected])
    for index in range(3):
        wrong = expected.copy()
        wrong[index] = 0.0
        assert not agree([wrong], [expected])
        assert not agree([expected], [wrong])
