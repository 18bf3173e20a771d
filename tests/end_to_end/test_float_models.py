"""Float32 models: the golden outputs within the tolerance, on the host and on a Cortex-M4F."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

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
    # float32 activations, int8 weights.
    "kws_ref_model_float32": "",
    "syn_tf_conv1d_float": "_synthetic",
    "syn_tf_gru_unrolled_float": "_synthetic",
    "syn_tf_mobile_residual_float": "_synthetic",
    "syn_tf_nas_multibranch_float": "_synthetic",
    "syn_tf_transformer_float": "_synthetic",
    "syn_tf_transformer_qgelu_float": "_synthetic",
    "syn_tf_unet_float": "_synthetic",
}
#: Little more than the input: 96 x 96 x 3 floats.
RAM_BYTES = {"vww_96_float": 111_000}


def compiled(model: str, board: str = "host", **choices: str) -> Compilation:
    path = shared_path(f"data/models{MODELS[model]}/{model}.tflite")
    return compile_model(path, load_board(board), **choices)


def golden(model: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and outputs, of LiteRT where TensorFlow Lite Micro does not run the model."""
    with np.load(shared_path(f"data/golden{MODELS[model]}/{model}.tflite.npz")) as data:
        output = "output0_tflm" if "output0_tflm" in data else "output0_ref"
        yield from zip(data["input0"], data[output], strict=True)


#: Each model once; a few layer by layer as well as row by row.
BUILDS = [(model, "ram") for model in MODELS]
BUILDS += [(model, "latency") for model in ("kws_savedmodel_float", "kws_ref_model_float32")]


@pytest.mark.parametrize(("model", "optimize"), BUILDS)
def test_goldens_on_the_host(model: str, optimize: str, tmp_path) -> None:
    compilation = compiled(model, optimize=optimize)
    if optimize == "ram":
        assert compilation.plan.arena_bytes <= RAM_BYTES.get(model, 1 << 30)
    (host,) = build_host([compilation], tmp_path, "-O2")
    for x, y in golden(model):
        (found,) = host.run([x])
        assert agree([found], [y.reshape(found.shape)])


@pytest.mark.parametrize("model", ["kws_savedmodel_float", "kws_ref_model_float32"])
def test_goldens_on_the_m4f(model: str, tmp_path) -> None:
    compilation = compiled(model, "mps2-an386")
    with running(compilation, "qemu", tmp_path, trace=False) as device:
        for x, y in islice(golden(model), 3):
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
