"""The smallest arenas of the MLPerf Tiny models, on a core with scratch: exact bytes, goldens."""

from __future__ import annotations

import numpy as np
import pytest

from tests.end_to_end.devices import running
from tests.end_to_end.golden import golden
from tests.end_to_end.projects import compile_bytes
from tests.shared_data import shared_path
from tinycc_ml.compiler import Compilation
from tinycc_ml.emit import EmitOptions
from tinycc_ml.memplan import Io
from tinycc_ml.runner import infer

#: Bytes of activations that every core keeps to, and how much scratch comes on top at most.
ACTIVATIONS: dict[tuple[str, Io], int] = {
    ("ad01_int8", "arena"): 768,
    ("kws_ref_model", "arena"): 6_186,
    ("str_ww_ref_model", "arena"): 3_584,
    ("pretrainedResnet_quant", "arena"): 15_616,
    ("vww_96_int8", "arena"): 27_742,
    ("vww_96_int8", "external"): 14_208,
    ("vww_96_int8", "rows"): 14_592,
}
SCRATCH = 2_560
#: A row of a pointwise layer more: vectors store a pixel channel by channel, while they still read.
MORE = {("str_ww_ref_model", "mps3-an547"): 80}
QUICK = {("kws_ref_model", "mps3-an547"), ("str_ww_ref_model", "mps2-an386")}
CASES = [
    pytest.param(model, io, board, marks=() if (model, board) in QUICK else pytest.mark.slow)
    for model, io in ACTIVATIONS
    for board in ("mps2-an386", "mps3-an547")
]


def smallest(model: str, io: Io, board: str, optimize: str = "ram") -> Compilation:
    data = shared_path(f"data/models/{model}.tflite").read_bytes()
    return compile_bytes(data, model, EmitOptions("static", io), board, optimize=optimize)


def check_goldens(compilation: Compilation, model: str, folder: object) -> None:
    want = golden(model)
    with running(compilation, "qemu", folder) as device:  # type: ignore[arg-type]
        for sample, expected in zip(want.inputs, want.outputs, strict=True):
            (found,) = infer(device, [sample], compilation.manifest.outputs)
            assert np.array_equal(found, expected)


@pytest.mark.parametrize(("model", "io", "board"), CASES)
def test_the_smallest_arena_and_its_goldens(model, io, board, tmp_path):
    compilation = smallest(model, io, board)
    account, most = compilation.manifest, ACTIVATIONS[model, io] + MORE.get((model, board), 0)
    assert account.activation_bytes <= most
    assert account.arena_bytes - account.activation_bytes <= SCRATCH
    check_goldens(compilation, model, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("board", ["mps2-an386", "mps3-an547"])
@pytest.mark.parametrize("model", sorted({model for model, _ in ACTIVATIONS}))
def test_goldens_of_balanced_plans(model, board, tmp_path):
    check_goldens(smallest(model, "external", board, "balanced"), model, tmp_path)
