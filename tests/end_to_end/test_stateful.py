"""Models with state: alone and in a sequence, they compute what TensorFlow Lite Micro does."""

from __future__ import annotations

import numpy as np
import pytest

from tests.c_compilers import (
    C_WARNINGS,
    COMPILERS,
    CORES,
    PROMISED,
    compile_each,
    link_relocatable,
    run_tool,
    undefined_symbols,
)
from tests.end_to_end.devices import MACHINES, running
from tests.end_to_end.projects import OPTIONS, build_host, options_name, write_files
from tests.end_to_end.sanitized import run_sanitized
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.emit import EmitOptions
from tinycc_ml.runner import NumpyReference, Samples, agree, infer, start, validate
from tinycc_ml.targets import load_board

INT8_MODELS = ("syn_svdf_int8", "syn_tf_lstm_int8")
MODELS = (*INT8_MODELS, "syn_svdf_float", "syn_tf_lstm_float")


def golden(model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, the output for each after a reset, the outputs for all in a row."""
    with np.load(shared_path(f"data/golden_synthetic/{model}.tflite.npz")) as data:
        return data["input0"], data["output0_tflm"], data["seq_output0_tflm"]


def compiled(model: str, board: str = "host", options: EmitOptions | None = None) -> Compilation:
    path = shared_path(f"data/models_synthetic/{model}.tflite")
    return compile_model(path, load_board(board), options)


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
def test_on_the_host(options, tmp_path):
    for model in build_host([compiled(m, options=options) for m in MODELS], tmp_path):
        inputs, alone, in_a_row = golden(model.manifest.name)
        # The first run needs no reset.
        for x, expected in zip(inputs, in_a_row, strict=True):
            assert agree(model.run([x]), [expected])
        for x, expected in zip(inputs, alone, strict=True):
            model.reset()
            assert agree(model.run([x]), [expected])


@pytest.mark.parametrize("options", [OPTIONS[0], OPTIONS[-1]], ids=options_name)
@pytest.mark.parametrize("model", INT8_MODELS)
def test_sanitizers_find_nothing(model, options, tmp_path):
    inputs, _, in_a_row = golden(model)
    found = run_sanitized(compiled(model, options=options), [[x] for x in inputs], tmp_path)
    np.testing.assert_array_equal([outputs[0] for outputs in found], in_a_row)


@pytest.mark.parametrize(("model", "options"), [*zip(INT8_MODELS, OPTIONS[1:3], strict=True)])
def test_no_warnings_and_no_library(model, options, tmp_path):
    sources = write_files(compiled(model, "nucleo-f746", options), tmp_path)
    for command in ([*PROMISED], *COMPILERS.values()):
        run_tool([*command, "-O1", "-c", *sources], tmp_path)
    command = ("arm-none-eabi-gcc", *CORES["cortex-m4"], "-std=c99", *C_WARNINGS)
    objects = compile_each(command, sources, tmp_path, "-O2")
    missing = undefined_symbols(link_relocatable(objects, tmp_path / "all.elf"))
    assert missing <= {"memcpy", "memset", "memmove"}


@pytest.mark.parametrize(
    "board",
    [
        "mps2-an386",
        *(
            pytest.param(b, marks=pytest.mark.slow)
            for b in ("rpi-pico", "mps3-an547", "mps2-an500")
        ),
    ],
)
@pytest.mark.parametrize(
    "model",
    [
        *INT8_MODELS,
        *(pytest.param(m, marks=pytest.mark.slow) for m in MODELS if m not in INT8_MODELS),
    ],
)
def test_on_emulated_boards(model, board, tmp_path):
    compilation = compiled(model, board)
    inputs, alone, in_a_row = golden(model)
    with running(compilation, MACHINES.get(board, "qemu"), tmp_path) as device:
        device.identify()
        for x, expected in zip(inputs, alone, strict=True):
            start(device, compilation.manifest)
            assert agree(infer(device, [x], compilation.manifest.outputs), [expected])
        start(device, compilation.manifest)
        for x, expected in zip(inputs, in_a_row, strict=True):
            assert agree(infer(device, [x], compilation.manifest.outputs), [expected])


def test_a_difference_in_a_sequence_is_found(tmp_path):
    """A device that is asked for other inputs differs in the first layer, from that sample on."""
    compilation = compiled(MODELS[0])
    inputs, _, _ = golden(MODELS[0])
    wrong = inputs.copy()
    wrong[3, 0, 5] ^= 1
    samples = Samples((wrong,), None)
    with running(compilation, "host", tmp_path) as device:
        device.identify()
        reference = _Replaced(compilation, inputs)
        result = validate(
            device,
            compilation.manifest,
            compilation.integers,
            samples,
            reference,
            lambda _: None,
            sequence=True,
        )
    assert result.identical < result.total
    assert result.first_mismatch is not None
    assert result.first_mismatch[0] >= 3


class _Replaced(NumpyReference):
    """A reference that is not given the device's inputs."""

    def __init__(self, compilation: Compilation, inputs: np.ndarray) -> None:
        super().__init__(compilation.integers)
        self._inputs = iter(inputs)

    def run(self, inputs):
        return super().run([next(self._inputs)])


def test_onnx_recurrent_layers_on_the_host(tmp_path):
    """Both directions of a GRU, within the tolerance of ONNX Runtime's results."""
    name = "syn_torch_bigru"
    path = shared_path(f"data/models_synthetic/{name}.onnx")
    (model,) = build_host([compile_model(path, load_board("host"))], tmp_path)
    with np.load(shared_path(f"data/golden_synthetic/{name}.onnx.npz")) as data:
        for x, expected in zip(data["input_x"], data["output_y__noopt"], strict=True):
            assert agree(model.run([x]), [expected])
