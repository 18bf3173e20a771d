"""ONNX models as generated C: on this machine all of them, one on an emulated Cortex-M4."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.devices import running
from tests.end_to_end.projects import build_host
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.ops import evaluate
from tinycc_ml.runner import infer
from tinycc_ml.targets import load_board

_QUANTIZED = (
    "models/ad01_int8_qdq",
    "models/kws_savedmodel_int8_qdq",
    *(
        f"models_synthetic/syn_torch_{name}_int8_qdq"
        for name in ("conv1d", "mobile_residual", "nas_multibranch", "unet")
    ),
    "models_synthetic/syn_torch_qdq_qat",
)
_FLOAT = (
    *(f"models/{name}_float" for name in ("ad01", "kws_savedmodel", "pretrainedResnet")),
    *(
        f"models_synthetic/syn_torch_{name}"
        for name in ("bigru", "conv1d", "lstm", "mobile_residual", "transformer", "unet")
    ),
)
#: Of the largest output. In one of its samples, the numbers of the anomaly detector nearly cancel
#: out: there ONNX Runtime itself is 3e-5 away from what float64 gives.
_TOLERANCE = 1e-5
_TOLERANCES = {"models/ad01_float": 1e-4}


@cache
def _compiled(name: str, board: str) -> Compilation:
    return compile_model(shared_path(f"data/{name}.onnx"), load_board(board))


def _golden(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and ONNX Runtime's outputs."""
    folder, _, file = name.partition("/")
    path = shared_path(f"data/{folder.replace('models', 'golden')}/{file}.onnx.npz")
    with np.load(path) as data:
        (x,) = (data[k] for k in data.files if k.startswith("input_"))
        (y,) = (data[k] for k in data.files if k.endswith("__noopt"))
    return x, y


def test_quantized_models_on_the_host(tmp_path: Path) -> None:
    compilations = [_compiled(name, "host") for name in _QUANTIZED]
    for name, c, model in zip(
        _QUANTIZED, compilations, build_host(compilations, tmp_path), strict=True
    ):
        inputs, _ = _golden(name)
        for x in inputs[:3].reshape(3, *c.manifest.inputs[0].shape):
            expected = evaluate(c.integers, [x])[c.integers.outputs[0]]
            assert model.run([x])[0].tobytes() == expected.tobytes(), name


def test_float_models_on_the_host(tmp_path: Path) -> None:
    compilations = [_compiled(name, "host") for name in _FLOAT]
    for name, model in zip(_FLOAT, build_host(compilations, tmp_path), strict=True):
        for x, y in zip(*_golden(name), strict=True):
            (found,) = model.run([x.reshape(model.manifest.inputs[0].shape)])
            error = np.abs(found.reshape(-1) - y.reshape(-1)).max() / np.abs(y).max()
            assert error <= _TOLERANCES.get(name, _TOLERANCE), name


def test_keyword_spotting_on_an_emulated_cortex_m4(tmp_path: Path) -> None:
    name = "models/kws_savedmodel_int8_qdq"
    compilation = _compiled(name, "mps2-an386")
    assert any("__dsp" in layer.kernel for layer in compilation.manifest.layers)
    x = _golden(name)[0][2].reshape(compilation.manifest.inputs[0].shape)
    expected = evaluate(compilation.integers, [x])[compilation.integers.outputs[0]]
    with running(compilation, "qemu", tmp_path) as device:
        (found,) = infer(device, (x,), compilation.manifest.outputs)
    assert found.tobytes() == expected.tobytes()


@pytest.mark.slow
def test_a_transformer_and_large_models_on_the_host(tmp_path: Path) -> None:
    names = [
        *("models/vww_96_int8_qdq", "models/pretrainedResnet_int8_qdq"),
        *(
            f"models_synthetic/syn_torch_{name}_int8_qdq"
            for name in ("transformer", "lstm", "bigru")
        ),
    ]
    compilations = [_compiled(name, "host") for name in names]
    for name, c, model in zip(names, compilations, build_host(compilations, tmp_path), strict=True):
        x = _golden(name)[0][0].reshape(c.manifest.inputs[0].shape)
        expected = evaluate(c.integers, [x])[c.integers.outputs[0]]
        assert np.allclose(model.run([x])[0], expected, rtol=1e-5, atol=1e-6), name
