"""The MLPerf Tiny models on the emulated Cortex-M0+: every byte, layer by layer."""

from __future__ import annotations

import pytest

from tests.end_to_end.devices import running
from tests.end_to_end.golden import MODELS, compiled, golden
from tests.firmware.test_fake_model import needs_emulator
from tinycc_ml.runner import infer
from tinycc_ml.runner.crc import crc32

#: The others take a minute of compilation.
QUICK = {"ad01_int8", "kws_ref_model"}


@needs_emulator
@pytest.mark.parametrize(
    "model", [m if m in QUICK else pytest.param(m, marks=pytest.mark.slow) for m in MODELS]
)
def test_all_goldens_and_layers(model, tmp_path):
    compilation, want = compiled(model, "nucleo-g0b1re"), golden(model)
    assert any("thumb1" in layer.kernel for layer in compilation.manifest.layers)
    with running(compilation, "qemu", tmp_path) as device:
        for number, sample in enumerate(want.inputs):
            traced = number == want.traced
            (found,) = infer(device, [sample], compilation.manifest.outputs, trace=traced)
            assert found.tobytes() == want.outputs[number].tobytes(), f"input {number}"
            if traced:
                checksums = [(c.crc, c.size_bytes) for c in device.layer_crcs()]
    expected = [want.tensors[layer.output] for layer in compilation.manifest.layers]
    assert checksums == [(crc32(t.tobytes()), t.nbytes) for t in expected]
