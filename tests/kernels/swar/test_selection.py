"""Which cores get these kernels, and which of them where flash is short."""

from __future__ import annotations

import pytest

from tests.end_to_end.golden import compiled
from tests.shared_data import shared_path
from tinycc_ml.compiler import compile_model
from tinycc_ml.kernels import candidates
from tinycc_ml.targets import features, list_boards, load_board

MODEL = "kws_ref_model"


def kernels(board: str, flash_limit: int | None = None) -> list[str]:
    path = shared_path(f"data/models/{MODEL}.tflite")
    compilation = compile_model(path, load_board(board), flash_limit=flash_limit)
    return [layer.kernel for layer in compilation.manifest.layers]


@pytest.mark.parametrize("board", [b.name for b in list_boards()])
def test_only_kernels_of_the_cores_own_instruction_set(board):
    have = features(load_board(board))
    names = [d.name for op in ("conv2d", "add", "fully_connected") for d in candidates(op, have)]
    assert any("__thumb1" in name for name in names) == ("thumb1" in have)
    assert any("__thumb2" in name for name in names) == ("thumb2" in have)


@pytest.mark.parametrize("board", ["nucleo-f746", "nucleo-l4r5zi", "mps3-an547"])
def test_cores_with_the_dsp_extension_prefer_their_own(board):
    assert "dsp" in features(load_board(board))
    layers = compiled(MODEL, board).manifest.layers
    assert not [layer.kernel for layer in layers if "thumb" in layer.kernel]


def test_weights_are_code_where_there_is_room_and_data_where_there_is_not():
    roomy, tight = kernels("nucleo-g0b1re"), kernels("nucleo-g0b1re", 100 * 1024)
    assert len([k for k in roomy if "_code__" in k]) == 9
    assert 0 < len([k for k in tight if "_code__" in k]) < 9
    assert "conv2d_s8__thumb1_1x4" in tight
