"""Row streaming with the float32 kernels."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.end_to_end.devices import running
from tests.firmware.test_fake_model import needs_emulator
from tests.kernels.fpu.cases import DRAWS
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, compile_model
from tinycc_ml.kernels.rows.fpu import FPU_ROWS
from tinycc_ml.loopir import run_kernel, verify_kernel
from tinycc_ml.runner import agree, infer
from tinycc_ml.targets import load_board

MODEL = "kws_savedmodel_float"


def compiled(**choices: str) -> Compilation:
    path = shared_path(f"data/models/{MODEL}.tflite")
    return compile_model(path, load_board("mps2-an386"), **choices)


@pytest.mark.parametrize("kernel", FPU_ROWS[-2:], ids=lambda kernel: kernel.name)
def test_all_rows_of_drawn_layers(kernel):
    taken = 0
    for seed in range(40):
        case = DRAWS[kernel.op](Random(seed), 1)
        if kernel.accepts(case.workload, case.constants) is None:
            taken += 1
            loops = verify_kernel(kernel.build(case.workload, case.constants).kernel(kernel.op))
            (packed,) = kernel.pack(case.workload, case.constants)
            arrays = {b.name: np.full(b.shape, np.nan, b.dtype.numpy) for b in loops.buffers}
            arrays |= {"input": case.x.reshape(arrays["input"].shape), "stream": packed.array}
            run_kernel(loops, arrays)
            found = arrays["output"].reshape(case.expected.shape)
            assert np.array_equal(found, case.expected)
    assert taken > 15


def test_layers_of_groups_have_their_tiles():
    layers = [
        layer
        for call in compiled(optimize="ram").program.calls
        for layer in call.group
        if layer.op == "conv2d"
    ]
    assert len(layers) > 3
    assert {layer.kernel for layer in layers} <= {"conv2d_f32__fpu_2x8", "conv2d_f32_rows__fpu_2x8"}


@needs_emulator
def test_goldens_row_by_row(tmp_path):
    compilation = compiled(optimize="ram")
    with np.load(shared_path(f"data/golden/{MODEL}.tflite.npz")) as data:
        inputs, outputs = data["input0"], data["output0_tflm"]
    with running(compilation, "qemu", tmp_path, trace=False) as device:
        for x, y in zip(inputs[:2], outputs, strict=False):
            (found,) = infer(device, [x], compilation.manifest.outputs)
            assert agree([found], [y.reshape(found.shape)])
