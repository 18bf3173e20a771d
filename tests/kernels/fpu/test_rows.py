"""Row streaming with the float32 kernels."""

from __future__ import annotations

import numpy as np

from tests.end_to_end.devices import running
from tests.firmware.test_fake_model import needs_emulator
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.runner import agree, infer
from tinycc_ml.targets import load_board

MODEL = "kws_savedmodel_float"


def compiled(**choices: str) -> Compilation:
    path = shared_path(f"data/models/{MODEL}.tflite")
    return compile_model(path, load_board("mps2-an386"), **choices)


def test_pointwise_layers_of_groups_have_their_tiles():
    layers = [
        layer
        for call in compiled(optimize="ram").program.calls
        for layer in call.group
        if layer.op == "conv2d"
    ]
    assert len(layers) > 3
    assert {layer.kernel for layer in layers} <= {"conv2d_f32__fpu_2x8", "conv2d__c"}
    assert sum(layer.kernel == "conv2d_f32__fpu_2x8" for layer in layers) > 2


@needs_emulator
def test_goldens_row_by_row(tmp_path):
    compilation = compiled(optimize="ram")
    with np.load(shared_path(f"data/golden/{MODEL}.tflite.npz")) as data:
        inputs, outputs = data["input0"], data["output0_tflm"]
    with running(compilation, "qemu", tmp_path, trace=False) as device:
        for x, y in zip(inputs[:2], outputs, strict=False):
            (found,) = infer(device, [x], compilation.manifest.outputs)
            assert agree([found], [y.reshape(found.shape)])
