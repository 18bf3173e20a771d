"""The costs that kernels are chosen by are near those that blocks which ran add up to."""

from __future__ import annotations

import pytest

from benchmarks.cases import MODELS
from tests.firmware.test_fake_model import needs_emulator
from tests.shared_data import SHARED, shared_path
from tinycc_ml.cli.device import session
from tinycc_ml.compiler import compile_model
from tinycc_ml.kernels.select import candidates
from tinycc_ml.runner import measure
from tinycc_ml.targets import features, load_board

# Smaller layers are mostly calls and set-up, and do not matter.
_SMALL_CYCLES = 5_000


@needs_emulator
@pytest.mark.parametrize("model", ["kws", pytest.param("ic", marks=pytest.mark.slow)])
def test_estimates_that_rank_kernels_are_within_a_third(model: str):
    shared_path(str(MODELS[model].relative_to(SHARED)))
    board = load_board("mps2-an386")
    compilation = compile_model(MODELS[model], board, optimize="latency")
    workloads = {layer.name: layer.workload for layer in compilation.integers.layers}
    layers = compilation.manifest.layers
    with session(compilation, "qemu", None, cycles=True) as running:
        assert running.counter is not None
        measure(running.device, 1)
        measured = running.counter.estimate(len(layers)).layers
    ratios = {}
    for layer, cycles in zip(layers, measured, strict=True):
        workload = workloads[layer.name]
        known = {d.name: d for d in candidates(workload.op, features(board))}
        if cycles > _SMALL_CYCLES:
            ratios[layer.name] = known[layer.kernel].cycles(workload) / cycles
    assert len(ratios) > 8
    assert {name: r for name, r in ratios.items() if not 0.67 < r < 1.33} == {}
