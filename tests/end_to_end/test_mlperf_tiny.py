"""The MLPerf Tiny models: every byte of TensorFlow Lite Micro's, on the host and on four cores."""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.devices import MACHINES, running
from tests.end_to_end.golden import ARENA_BYTES, MODELS, compiled, golden
from tests.end_to_end.projects import build_host, compile_bytes
from tests.end_to_end.sanitized import run_sanitized
from tests.shared_data import shared_path
from tinycc_ml.emit import EmitOptions
from tinycc_ml.runner import infer
from tinycc_ml.runner.crc import crc32


@pytest.mark.parametrize("model", MODELS)
def test_the_arena_is_the_smallest_possible(model):
    manifest = compiled(model).manifest
    assert manifest.arena_bytes == ARENA_BYTES[model]
    assert manifest.gap_bytes == 0


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("model", MODELS)
def test_all_goldens_and_layers_on_every_core(model, machine, tmp_path):
    compilation, want = compiled(model, machine), golden(model)
    manifest = compilation.manifest
    with running(compilation, MACHINES[machine], tmp_path) as device:
        for number, sample in enumerate(want.inputs):
            traced = number == want.traced
            (found,) = infer(device, [sample], manifest.outputs, trace=traced)
            assert found.tobytes() == want.outputs[number].tobytes(), f"input {number}"
            if traced:
                checksums = [(c.crc, c.size_bytes) for c in device.layer_crcs()]
        expected = [want.tensors[layer.output] for layer in manifest.layers]
        assert checksums == [(crc32(t.tobytes()), t.nbytes) for t in expected]


@pytest.mark.parametrize("model", MODELS)
def test_every_surviving_tensor_byte_by_byte(model, tmp_path):
    compilation, want = compiled(model), golden(model)
    (host,) = build_host([compilation], tmp_path, "-O2")
    seen = host.run_traced([want.inputs[want.traced]])
    assert set(seen) == {layer.output for layer in compilation.manifest.layers}
    assert [n for n, data in seen.items() if data != want.tensors[n].tobytes()] == []
    # Whatever has no layer of its own is an input, or a view of another tensor.
    views = dict(compilation.program.aliases)
    missing = set(want.tensors) - set(seen)
    assert missing <= {*compilation.program.inputs, *views}


@pytest.mark.parametrize("io", ["arena", "external"])
@pytest.mark.parametrize("model", MODELS)
def test_goldens_under_sanitizers(model, io, tmp_path):
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    compilation = compile_bytes(data, model, EmitOptions("caller", io))
    want = golden(model)
    found = run_sanitized(compilation, [[x] for x in want.inputs], tmp_path)
    assert [y.tobytes() for (y,) in found] == [y.tobytes() for y in want.outputs]


@pytest.mark.parametrize("model", MODELS)
def test_extreme_inputs(model, tmp_path):
    from tests.end_to_end.projects import extreme_inputs
    from tests.oracle import run_tflm

    compilation = compiled(model)
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    (host,) = build_host([compilation], tmp_path, "-O2")
    for sample in extreme_inputs(compilation.manifest, 6):
        (found,) = host.run(sample)
        (expected,) = run_tflm(data, sample)
        assert np.array_equal(found, expected)
