"""Inputs pushed row by row: the same outputs, no image in RAM, wrong use told of."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from tests.emit.test_generated_text import CHeader, CSource, Markdown, assert_formatted
from tests.end_to_end.devices import running
from tests.end_to_end.golden import golden
from tests.end_to_end.networks import NETWORKS
from tests.end_to_end.projects import (
    build_host,
    compile_bytes,
    extreme_inputs,
    options_name,
    write_files,
)
from tests.end_to_end.sanitized import run_sanitized
from tests.kernels.rows.networks import rows
from tests.oracle import run_tflm
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation, generate
from tinycc_ml.emit import EmitOptions
from tinycc_ml.errors import UnsupportedError
from tinycc_ml.runner import infer

#: Networks whose input cannot be taken row by row.
REFUSED = ("everything", "many_operators", "reshape_only", "several_ports")
MODELS = {
    "rows": rows,
    "short": lambda: rows(5, 3),
    **{name: network for name, network in NETWORKS.items() if name not in REFUSED},
}
OPTIONS = [EmitOptions(arena, "rows") for arena in ("static", "caller")]
#: A host build runs what the kernels of a core mean.
CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("caller", {"board": "host", "optimize": "ram"}),
    ("static", {"board": "mps2-an386", "optimize": "ram"}),
    ("caller", {"board": "mps3-an547", "optimize": "ram"}),
    ("static", {"board": "mps2-an386", "optimize": "latency"}),
]


def pushed(name: str, options: EmitOptions = OPTIONS[0], **choices: Any) -> Compilation:
    return compile_bytes(MODELS[name](), name, options, **choices)


@pytest.mark.parametrize(("arena", "choices"), CHOICES, ids=str)
def test_outputs_are_those_of_tensorflow_lite_micro(arena, choices, tmp_path):
    options = EmitOptions(arena, "rows")
    compilations = [pushed(name, options, **choices) for name in MODELS]
    for model in build_host(compilations, tmp_path):
        name = model.manifest.name
        for sample in extreme_inputs(model.manifest, 6):
            found = [y.tobytes() for y in model.run(sample)]
            assert found == [y.tobytes() for y in run_tflm(MODELS[name](), sample)], name


def test_sanitizers_find_nothing(tmp_path):
    built = pushed("rows", OPTIONS[1], board="mps2-an386", optimize="ram")
    samples = extreme_inputs(built.manifest, 4)
    found = [[y.tobytes() for y in outputs] for outputs in run_sanitized(built, samples, tmp_path)]
    assert found == [[y.tobytes() for y in run_tflm(rows(), sample)] for sample in samples]


@pytest.mark.parametrize("options", OPTIONS, ids=options_name)
@pytest.mark.parametrize("name", ["digits", "rows"])
def test_the_code_is_formatted(name, options, tmp_path):
    write_files(pushed(name, options), tmp_path)
    assert_formatted(tmp_path)


def test_golden_source_and_header(snapshot):
    files = generate(pushed("concatenated"))
    assert files["concatenated.c"] == snapshot(extension_class=CSource)
    assert files["concatenated.h"] == snapshot(name="header", extension_class=CHeader)
    assert files["README.md"] == snapshot(name="readme", extension_class=Markdown)


def test_wrong_use_is_told_of(tmp_path):
    (model,) = build_host([pushed("digits", board="host")], tmp_path)
    null, too_many, missing = 1, 4, 5
    row = (ctypes.c_int8 * 8)()
    output = (ctypes.c_int8 * 10)()
    push, finish, begin = (model.function(name) for name in ("push_row", "finish", "begin"))
    assert finish(output) == missing
    assert push(None) == null
    for _ in range(2):
        for _ in range(8):
            assert finish(output) == missing
            assert push(row) == 0
        assert push(row) == too_many
        assert finish(None) == null
        assert finish(output) == 0
        assert finish(output) == 0
        assert begin() == 0
    # Rows that were pushed before it began are forgotten.
    for _ in range(5):
        assert push(row) == 0
    assert begin() == 0
    sample = extreme_inputs(model.manifest, 6)[-1]
    (found,) = model.run(sample)
    assert found.tobytes() == run_tflm(MODELS["digits"](), sample)[0].tobytes()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("several_ports", "the model has 2 inputs, allowed is 1"),
        ("reshape_only", "it is an output, too"),
    ],
)
def test_what_cannot_be_pushed_is_refused(name, reason):
    with pytest.raises(UnsupportedError, match=f"--io rows: .*{reason}.*; use --io arena or"):
        compile_bytes(NETWORKS[name](), name, OPTIONS[0])


def test_a_first_layer_without_rows_is_refused():
    data = shared_path("data/models/ad01_int8.tflite").read_bytes()
    with pytest.raises(UnsupportedError, match="n00_fully_connected has no rows"):
        compile_bytes(data, "ad01_int8", OPTIONS[0])


#: The least activations that are known for an input that is pushed.
ACTIVATIONS = {"vww_96_int8": 14_592, "kws_ref_model": 5_860, "pretrainedResnet_quant": 11_360}


@pytest.mark.parametrize(
    "model", [pytest.param("vww_96_int8", marks=pytest.mark.slow), *list(ACTIVATIONS)[1:]]
)
def test_the_arena_without_an_image(model):
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    built = compile_bytes(data, model, OPTIONS[0], "host", optimize="ram", kernels="portable")
    assert built.manifest.scratch_bytes == 0
    assert built.manifest.arena_bytes == ACTIVATIONS[model]


@pytest.mark.parametrize(
    ("model", "machine"),
    [
        ("kws_ref_model", "mps2-an386"),
        pytest.param("vww_96_int8", "mps2-an386", marks=pytest.mark.slow),
        pytest.param("vww_96_int8", "mps3-an547", marks=pytest.mark.slow),
        pytest.param("pretrainedResnet_quant", "mps3-an547", marks=pytest.mark.slow),
    ],
)
def test_goldens_on_emulated_cores(model, machine, tmp_path):
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    compilation = compile_bytes(data, model, OPTIONS[0], machine, optimize="ram")
    manifest = compilation.manifest
    assert manifest.activation_bytes <= ACTIVATIONS[model]
    assert manifest.arena_bytes <= ACTIVATIONS[model] + 2560
    want = golden(model)
    with running(compilation, "qemu", tmp_path) as device:
        for sample, expected in zip(want.inputs, want.outputs, strict=True):
            (found,) = infer(device, [sample], manifest.outputs)
            assert np.array_equal(found, expected)
